package engine_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/sensor"
)

// synth is the known answer of a generated capture.
type synth struct {
	Name, Note string
	Packets    uint64
	Flows      []synthFlow
}

type synthFlow struct {
	Src, Dst     netip.Addr
	Sport, Dport uint16
	Proto        sensor.Proto
	Pkts         [2]uint64
	FrameBytes   [2]uint64         `json:"frame_bytes"`
	IPBytes      [2]uint64         `json:"ip_bytes"`
	Forward      synthWay          `json:"client_to_server"`
	Reverse      synthWay          `json:"server_to_client"`
	Alternatives map[string]string // SHA-256 of what the client sent, by policy
}

type synthWay struct {
	Total     int64  `json:"total_len"`
	Delivered int64  `json:"delivered_len"`
	SHA256    string `json:"sha256_delivered"`
	Gaps      [][2]int64
}

// verifies lists the captures whose note asks for one setting of checksum
// verification. All others must give the same whether it is on or off.
var verifies = map[string][]bool{
	"offload_checksums":   {false}, // "when the sensor is set for offload"
	"bad_checksum_inject": {false, true},
}

// TestGeneratedCaptures holds streams, gaps and counters against what the
// generator of the captures knows.
func TestGeneratedCaptures(t *testing.T) {
	oracles(t, ".expected.synth.json", func(t *testing.T, capture, facts string) {
		b, err := os.ReadFile(facts)
		if err != nil {
			t.Fatal(err)
		}
		var want synth
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		settings, ok := verifies[want.Name]
		if !ok {
			settings = []bool{false, true}
		}
		for _, verify := range settings {
			t.Run(fmt.Sprintf("verify=%v", verify), func(t *testing.T) {
				flows := read(t, capture, reading{classify: sensor.Classify{VerifyChecksums: verify}})
				checkSynth(t, &want, flows, verify)
			})
		}
	})
}

func checkSynth(t *testing.T, want *synth, flows []*told, verify bool) {
	if len(flows) != len(want.Flows) {
		t.Errorf("%d flows, want %d", len(flows), len(want.Flows))
	}
	var packets uint64
	for _, f := range flows {
		packets += f.Counters[0].Packets + f.Counters[1].Packets
	}
	if packets != want.Packets {
		t.Errorf("%d packets in flows, want %d", packets, want.Packets)
	}
	for _, w := range want.Flows {
		src, dst := netip.AddrPortFrom(w.Src, w.Sport), netip.AddrPortFrom(w.Dst, w.Dport)
		at := slices.IndexFunc(flows, func(f *told) bool {
			return f.Key.Proto == w.Proto && f.Key.AddrPort(f.Initiator) == src && f.Key.AddrPort(f.Initiator^1) == dst
		})
		if at < 0 {
			t.Errorf("no flow %s > %s", src, dst)
			continue
		}
		f := flows[at]
		flows = slices.Delete(flows, at, at+1) // connections on the same ports are in order
		name := fmt.Sprintf("%s > %s", src, dst)
		for side, c := range f.Counters {
			got := [3]uint64{c.Packets, c.FrameBytes, c.Bytes}
			if want := [3]uint64{w.Pkts[side], w.FrameBytes[side], w.IPBytes[side]}; got != want {
				t.Errorf("%s: %v sent %v packets, frame bytes, IP bytes, want %v", name, sensor.Side(side), got, want)
			}
		}
		sum := w.Forward.SHA256
		if a := w.Alternatives; a != nil {
			if sum = a["first_wins"]; sum == "" {
				sum = a[map[bool]string{true: "validate", false: "no_validation_first_wins"}[verify]]
			}
		}
		checkWay(t, name, f.stream[0], w.Forward, sum)
		checkWay(t, "answer to "+name, f.stream[1], w.Reverse, w.Reverse.SHA256)
		ambiguous := w.Alternatives != nil && !(want.Name == "bad_checksum_inject" && verify)
		if f.has(sensor.InconsistentOverlap) != ambiguous {
			t.Errorf("%s: anomalies %v; an inconsistent overlap: %v", name, f.odd, ambiguous)
		}
	}
}

func checkWay(t *testing.T, name string, got *stream, want synthWay, sum string) {
	t.Helper()
	if got.sum != sum || got.data != want.Delivered || got.data+got.missing() != want.Total {
		t.Errorf("%s: %d bytes delivered of %d (%.8s), want %d of %d (%.8s)", name, got.data, got.data+got.missing(), got.sum,
			want.Delivered, want.Total, sum)
	}
	// Gaps that touch are one or several.
	lost := func(gaps [][2]int64) string {
		var out [][2]int64
		for _, g := range gaps {
			if n := len(out); n > 0 && out[n-1][0]+out[n-1][1] == g[0] {
				out[n-1][1] += g[1]
			} else {
				out = append(out, g)
			}
		}
		return fmt.Sprint(out)
	}
	var gaps [][2]int64
	for _, g := range got.gaps {
		gaps = append(gaps, [2]int64{g.offset, g.bytes})
	}
	if g, w := lost(gaps), lost(want.Gaps); g != w {
		t.Errorf("%s: gaps (offset, bytes) %s, want %s", name, g, w)
	}
}

// TestGeneratedAnomalies demands what the notes say in words.
func TestGeneratedAnomalies(t *testing.T) {
	oracles(t, ".expected.synth.json", func(t *testing.T, capture, _ string) {
		name := strings.TrimSuffix(filepath.Base(capture), ".pcap")
		var got []string
		for _, f := range read(t, capture, reading{classify: sensor.Classify{VerifyChecksums: name == "bad_checksum_inject"}}) {
			for _, o := range f.odd {
				got = append(got, fmt.Sprint(o.side, " ", o.what))
			}
		}
		slices.Sort(got)
		got = slices.Compact(got)
		if want := generatedAnomalies[name]; !slices.Equal(got, want) {
			t.Errorf("anomalies %q, want %q", got, want)
		}
	})
}

var generatedAnomalies = map[string][]string{
	"bad_checksum_inject": {"initiator bad_checksum"},
	"conflict_overlap":    {"initiator inconsistent_overlap"},
	"rst_bad_window":      {"initiator rst_out_of_window", "responder rst_out_of_window"},
	"ttl_inject":          {"initiator inconsistent_overlap"},
}

// TestEndsOfGeneratedConnections: how connections end, where the note says so.
func TestEndsOfGeneratedConnections(t *testing.T) {
	tests := []struct{ name, want string }{
		{"tuple_reuse", "SF fin syn, RSTR rst syn, SF fin syn"},
		{"midstream", "SF fin port, OTH shutdown port, OTH shutdown port, OTH shutdown port"},
		{"rst_bad_window", "SF fin syn"},
		{"rst_data_unacked", "RSTR rst syn"},
		{"fin_reordered", "SF fin syn"},
		{"duplicates", "SF fin syn"},
	}
	for _, tt := range tests {
		var got []string
		for _, f := range read(t, testenv.Corpus(t, "synth", tt.name+".pcap"), reading{}) {
			got = append(got, fmt.Sprint(f.State, " ", f.End, " ", f.Evidence))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
