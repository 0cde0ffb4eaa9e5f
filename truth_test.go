package flowscope_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/sensor"
	"flowscope/testdata/build"
	"flowscope/testdata/captures"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestCapturesAgainstTruth replays every capture and compares what the sensor
// says with what the script knows.
func TestCapturesAgainstTruth(t *testing.T) {
	for _, c := range captures.All() {
		t.Run(c.Name(), func(t *testing.T) {
			b, err := os.ReadFile("testdata/" + c.Name() + ".truth.json")
			if err != nil {
				t.Fatal(err)
			}
			var want build.Truth
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			got := replayed(t, c.File, sensor.Inner, want.Cut)
			if diff := cmp.Diff(want.Dropped, got.Dropped); diff != "" {
				t.Errorf("frames of no flow (-truth +sensor):\n%s", diff)
			}
			if got.Frames != want.Frames {
				t.Errorf("%d frames, the truth says %d", got.Frames, want.Frames)
			}
			for i, f := range want.Flows {
				settle(f)
				if i < len(got.Flows) {
					agree(f, got.Flows[i])
				}
			}
			if diff := cmp.Diff(want.Flows, got.Flows, cmp.FilterPath(aside, cmp.Ignore())); diff != "" {
				t.Errorf("flows (-truth +sensor):\n%s", diff)
			}
			if len(want.Outer) > 0 && !strings.HasPrefix(c.Name(), "demo") {
				outer := replayed(t, c.File, sensor.Outer, want.Cut)
				for i, f := range want.Outer {
					settle(f)
					if i < len(outer.Flows) {
						o := outer.Flows[i]
						agree(f, o)
						// The script does not say what a tunnel's payload is.
						o.Forward.PayloadBytes, o.Reverse.PayloadBytes, o.VLAN = 0, 0, f.VLAN
					}
				}
				if diff := cmp.Diff(want.Outer, outer.Flows, cmp.FilterPath(aside, cmp.Ignore())); diff != "" {
					t.Errorf("outer flows (-truth +sensor):\n%s", diff)
				}
			}
		})
	}
}

func aside(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "first" || f.Name() == "last" || f.Name() == "Note")
}

// settle takes out of the truth what the sensor does not tell here.
func settle(f *build.Flow) { f.Messages, f.App = nil, "" }

// agree lets a flow of the sensor agree where the truth says nothing.
func agree(want, got *build.Flow) {
	if want.State == "" {
		got.State = ""
	}
	got.Anomalies = slices.DeleteFunc(got.Anomalies, func(a string) bool { return a == "acked_unseen" })
	if strings.Contains(want.Note, "in order; what came first is kept") && !slices.Contains(got.Anomalies, "inconsistent_overlap") {
		want.Anomalies = nil // what was handed on is not there any more to compare with
	}
	if len(got.Anomalies) == 0 {
		got.Anomalies = nil
	}
}

// replayed returns what the sensor says of a capture, in the words of the truth.
func replayed(t *testing.T, file string, level sensor.TunnelLevel, cut bool) *build.Truth {
	t.Helper()
	src, err := replay.Open(replay.Options{Classify: sensor.Classify{Tunnels: level}}, "testdata/"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	w := &witness{open: map[uint64]*seenFlow{}}
	ledger, err := engine.Run(context.Background(), src, engine.Config{StreamData: true}, 1, w)
	if (err != nil) != cut {
		t.Fatalf("replay: %v", err)
	}
	truth := &build.Truth{Flows: []*build.Flow{}}
	if err := ledger.Check(); err != nil {
		t.Error(err)
	}
	frames := ledger.Account("frames")
	truth.Frames = int(frames.Total)
	for _, r := range frames.Rows {
		if r.Name == "accounted" || r.Count == 0 {
			continue
		}
		if truth.Dropped == nil {
			truth.Dropped = map[string]int{}
		}
		truth.Dropped[r.Name] = int(r.Count)
	}
	slices.SortFunc(w.ended, func(a, b *seenFlow) int { return int(a.id) - int(b.id) })
	for _, f := range w.ended {
		truth.Flows = append(truth.Flows, &f.Flow)
	}
	return truth
}

type seenFlow struct {
	build.Flow
	id   uint64
	hash [2]hash.Hash
}

// witness is a Sink that writes down flows.
type witness struct {
	open  map[uint64]*seenFlow
	ended []*seenFlow
}

func (w *witness) Consume(ev *sensor.Event) error {
	if ev.Flow == nil {
		return nil
	}
	f := w.open[ev.Flow.ID]
	if f == nil {
		f = &seenFlow{id: ev.Flow.ID, hash: [2]hash.Hash{sha256.New(), sha256.New()}}
		f.Forward.Stream, f.Reverse.Stream = &build.Stream{}, &build.Stream{}
		w.open[ev.Flow.ID] = f
	}
	// A flow's direction may have been corrected since its first event; none of
	// the captures has data before that.
	stream := f.Direction(build.Side(ev.Side)).Stream
	switch ev.Kind {
	case sensor.FlowData:
		f.hash[ev.Side].Write(ev.Data)
		stream.Length = ev.Offset + int64(len(ev.Data))
	case sensor.FlowGap:
		if n := len(stream.Gaps); n > 0 && stream.Gaps[n-1].Offset+stream.Gaps[n-1].Bytes == ev.Offset {
			stream.Gaps[n-1].Bytes += ev.Lost
		} else {
			stream.Gaps = append(stream.Gaps, build.Gap{Offset: ev.Offset, Bytes: ev.Lost})
		}
		stream.Length = ev.Offset + ev.Lost
	case sensor.FlowAnomaly:
		if name := ev.Anomaly.String(); !slices.Contains(f.Anomalies, name) {
			f.Anomalies = append(f.Anomalies, name)
		}
	case sensor.FlowEnd:
		f.end(ev.Flow)
		w.ended = append(w.ended, f)
		delete(w.open, ev.Flow.ID)
	}
	return nil
}

func (f *seenFlow) end(e *sensor.Flow) {
	f.Proto = e.Key.Proto.String()
	f.Start, f.End = e.First.String(), e.Last.String()
	f.EndReason = e.End.String()
	for _, id := range e.Encap.VLAN {
		if id != 0 {
			f.VLAN = append(f.VLAN, id)
		}
	}
	f.Tunnel, f.TunnelID = e.Encap.Tunnel.String(), e.Encap.TunnelID
	if e.Key.Proto == sensor.ProtoTCP {
		f.State = e.State.String()
	}
	for s := range build.Side(2) {
		n, d := e.Counters[s], f.Direction(s)
		d.Counters = build.Counters{Packets: n.Packets, Bytes: n.Bytes, FrameBytes: n.FrameBytes, PayloadBytes: n.PayloadBytes}
		d.Stream.SHA256 = hex.EncodeToString(f.hash[s].Sum(nil))
		if e.Key.Proto != sensor.ProtoTCP {
			d.Stream = nil
		}
		ip, port := e.Endpoint(sensor.Side(s))
		*[]*string{&f.Initiator, &f.Responder}[s] = netip.AddrPortFrom(ip, port).String()
	}
}
