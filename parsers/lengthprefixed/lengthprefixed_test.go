package lengthprefixed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"flowscope/sensor"
	"flowscope/sensor/sensortest"
)

func skipped(m sensor.Message) bool { _, ok := m.(*Skipped); return ok }

func TestTranscripts(t *testing.T) {
	sensortest.Test{Protocol: Protocol(), Damaged: skipped}.Files(t, "testdata/*.transcript")
}

func TestPolicies(t *testing.T) {
	const garbage = `stream
> "PFX2," 0001 "a"
= > {"marker":"PFX2","length":1,"offset":0,"body":"a"}
> "HELLO PFX2," 0001 "b"
`
	tests := []struct {
		name   string
		policy Policy
		text   string
	}{
		{"resynchronise", Resynchronise, garbage + `
= > {"offset":8,"skipped":6,"reason":"unknown marker"}
= > {"marker":"PFX2","length":1,"offset":14,"body":"b"}`},
		{"fail", Fail, garbage + `
= error: lengthprefixed: at offset 8: unknown marker "HELLO"`},
		{"stall", Stall, garbage + `
< "PFX2," 0001 "c"
= < {"marker":"PFX2","length":1,"offset":0,"body":"c"}
> "PFX2," 0001 "d"
> eof
= > {"offset":8,"skipped":22,"reason":"unknown marker"}`},
		{"resynchronise behind a length over the cap", Resynchronise, `stream
> "PFX4," 00000065 "PFX2," 0001 "a"
= > {"offset":0,"skipped":9,"reason":"too long"}
= > {"marker":"PFX2","length":1,"offset":9,"body":"a"}`},
		{"fail at a length over the cap", Fail, `stream
> "PFX4," 00000064 "x" x100 "PFX4," 00000065
= > {"marker":"PFX4","length":100,"offset":0,"body":"` + strings.Repeat("x", 100) + `"}
= error: lengthprefixed: at offset 109: length 101 is over 100`},
		{"fail goes on behind a gap in a body", Fail, `stream
> "PFX2," 0004 "ab"
> gap 2
> "PFX2," 0001 "c"
= > {"offset":0,"skipped":11,"reason":"gap"}
= > {"marker":"PFX2","length":1,"offset":11,"body":"c"}`},
		{"fail is not misled by a marker in a body that lost bytes", Fail, `stream
> "PFX2," 0010 "ab"
> gap 4
> "PFX2," 0001 "x!!" "PFX2," 0001 "c"
= > {"offset":0,"skipped":23,"reason":"gap"}
= > {"marker":"PFX2","length":1,"offset":23,"body":"c"}`},
		{"fail retires behind a gap in a header", Fail, `stream
> "PFX2,"
> gap 3
= retired`},
		{"stall behind a gap in a header", Stall, `stream
> "PFX2,"
> gap 3
> "PFX2," 0001 "c"
= > {"offset":0,"skipped":16,"reason":"gap"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr, err := sensortest.Parse("t", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			p := Config{OnUnknown: tt.policy, MaxBody: 100}.Protocol()
			sensortest.Test{Protocol: p, Damaged: skipped}.Stream(t, tr)
		})
	}
}

func TestProbe(t *testing.T) {
	tests := map[string]sensor.Verdict{
		"": sensor.Unsure, "P": sensor.Unsure, "PFX4": sensor.Unsure, "PFX2,": sensor.Match, "PFX4,abc": sensor.Match,
		"Q": sensor.No, "PFX3": sensor.No, "PFX3,": sensor.No, "PFX2;": sensor.No,
	}
	for data, want := range tests {
		if got := Protocol().Probe(sensor.Initiator, []byte(data)); got != want {
			t.Errorf("Probe(%q) = %d, want %d", data, got, want)
		}
	}
}

func TestMaxBufferHoldsTheLongestRecord(t *testing.T) {
	b := binary.BigEndian.AppendUint32([]byte("PFX4,"), DefaultMaxBody)
	b = append(b, make([]byte, DefaultMaxBody)...)
	if got := Protocol().MaxBuffer; got < len(b) {
		t.Errorf("MaxBuffer = %d, want at least %d", got, len(b))
	}
	var got int
	n, err := Protocol().NewStream().Parse(sensor.Segment{Data: b}, func(m sensor.Message) { got = m.(*Record).Length })
	if n != len(b) || err != nil || got != DefaultMaxBody {
		t.Errorf("Parse of the longest record = %d, %v and a length of %d", n, err, got)
	}
}

func TestAllocatesNothing(t *testing.T) {
	tr := sensortest.Load(t, "testdata/sample.transcript")
	if got := sensortest.AllocsPerMessage(t, Protocol(), tr); got != 0 {
		t.Errorf("%v allocations per message, want 0", got)
	}
}

func BenchmarkParse(b *testing.B) {
	sensortest.Benchmark(b, Protocol(), sensortest.Load(b, "testdata/sample.transcript"))
}

// FuzzParse checks all that can be said of any bytes: every byte is part of
// one message, in order, and how the bytes are cut does not matter.
func FuzzParse(f *testing.F) {
	f.Add([]byte("PFX2,\x00\x01aPFX4,\x00\x00\x00\x02bc"), uint8(3), uint8(0))
	f.Add([]byte("PFX2,\x00\x01ajunkPFX4,\xff\xff\xff\xff"), uint8(9), uint8(1))
	f.Add([]byte("junk"), uint8(0), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, at, policy uint8) {
		protocol := Config{OnUnknown: Policy(policy % 3), MaxBody: 1 << 10}.Protocol()
		var next int64
		covered := func(m sensor.Message) {
			offset, length := int64(0), int64(0)
			switch m := m.(type) {
			case *Record:
				offset, length = m.Offset, int64(len(m.Body))+7
				if m.Marker == "PFX4" {
					length += 2
				}
				if len(m.Body) != m.Length || !bytes.Equal(m.Body, data[offset+length-int64(m.Length):offset+length]) {
					t.Errorf("body of the record at %d is %q", offset, m.Body)
				}
			case *Skipped:
				offset, length = m.Offset, m.Bytes
			}
			if offset != next || length <= 0 {
				t.Errorf("a message covers %d bytes at %d, want it to begin at %d", length, offset, next)
			}
			next = offset + length
		}
		whole, err := play(protocol, [][]byte{data}, covered)
		if err == nil && next != int64(len(data)) {
			t.Errorf("messages cover %d of %d bytes", next, len(data))
		}
		cut := min(int(at), len(data))
		if got, _ := play(protocol, [][]byte{data[:cut], data[cut:]}, func(sensor.Message) {}); got != whole {
			t.Errorf("cut at %d:\n%swhole:\n%s", cut, got, whole)
		}
	})
}

// play feeds pieces of one side to a parser, and returns what came as text.
func play(p sensor.Protocol, pieces [][]byte, each func(sensor.Message)) (out string, err error) {
	parser := p.NewStream()
	var left []byte
	for i, piece := range pieces {
		s := sensor.Segment{Data: append(left, piece...), EOF: i == len(pieces)-1}
		n, err := parser.Parse(s, func(m sensor.Message) {
			out += sensortest.Render(m) + "\n"
			each(m)
		})
		if err != nil {
			return out + fmt.Sprintln(err), err
		}
		left = s.Data[n:]
	}
	return out, nil
}
