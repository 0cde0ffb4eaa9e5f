package sensor

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

func history(letters string) (h History) {
	for i := range len(letters) {
		h.Append(letters[i])
	}
	return h
}

func TestHistoryFlip(t *testing.T) {
	full := strings.Repeat("A", 23)
	tests := []struct{ name, in, want string }{
		{"nothing yet", "", "^"},
		{"letters change case", "ShADadfF", "^sHadADFf"},
		{"flipped back", "^sHa", "ShA"},
		{"only the mark", "^", ""},
		{"full: the last letter makes room for the mark", full, "^" + strings.Repeat("a", 22)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := history(tt.in)
			h.Flip()
			if got := h.String(); got != tt.want {
				t.Errorf("Flip of %q = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestHistoryFlipTwiceIsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[SHADFRCITWGshadfrcitwg]{0,22}`).Draw(t, "letters")
		h := history(in)
		h.Flip()
		h.Flip()
		if h.String() != in {
			t.Fatalf("%q flipped twice = %q", in, h.String())
		}
	})
}

func TestHistoryIsCapped(t *testing.T) {
	h := history(strings.Repeat("D", 100))
	if got, want := h.String(), strings.Repeat("D", 23); got != want {
		t.Errorf("100 letters give %q, want %q", got, want)
	}
}

func TestFlowEndpoint(t *testing.T) {
	k, from := NewKey(ProtoTCP, addrPort("10.0.0.9:4000"), addrPort("10.0.0.1:80"))
	f := Flow{Key: k, Initiator: from}
	for side, want := range map[Side]string{Initiator: "10.0.0.9", Responder: "10.0.0.1"} {
		if ip, _ := f.Endpoint(side); ip.String() != want {
			t.Errorf("Endpoint(%v) = %v, want %s", side, ip, want)
		}
	}
	if _, port := f.Endpoint(Initiator); port != 4000 {
		t.Errorf("port of the initiator = %d, want 4000", port)
	}
}

// TestNames holds every enumeration to a name for each value, none twice:
// the names are part of the export.
func TestNames(t *testing.T) {
	enums := map[string]struct {
		first, n int
		name     func(int) string
		unknown  string
	}{
		"EventKind":  {1, 9, func(i int) string { return EventKind(i).String() }, "event-200"},
		"EndReason":  {1, 7, func(i int) string { return EndReason(i).String() }, "end-200"},
		"Evidence":   {0, 6, func(i int) string { return Evidence(i).String() }, "evidence-200"},
		"ConnState":  {0, 13, func(i int) string { return ConnState(i).String() }, "conn-state-200"},
		"Anomaly":    {1, 9, func(i int) string { return Anomaly(i).String() }, "anomaly-200"},
		"Loss":       {1, 9, func(i int) string { return Loss(i).String() }, "loss-200"},
		"Kind":       {1, 4, func(i int) string { return Kind(i).String() }, "kind-200"},
		"KeyKind":    {0, 3, func(i int) string { return KeyKind(i).String() }, "key-kind-200"},
		"TunnelKind": {1, 7, func(i int) string { return TunnelKind(i).String() }, "tunnel-200"},
	}
	for enum, e := range enums {
		seen := map[string]bool{}
		for i := e.first; i < e.first+e.n; i++ {
			name := e.name(i)
			if name == "" || seen[name] || strings.HasSuffix(name, "-"+itoa(i)) {
				t.Errorf("%s(%d) is named %q", enum, i, name)
			}
			seen[name] = true
		}
		if got := e.name(200); got != e.unknown {
			t.Errorf("%s(200) is named %q, want %q", enum, got, e.unknown)
		}
		if got := e.name(e.first + e.n); !strings.HasSuffix(got, "-"+itoa(e.first+e.n)) {
			t.Errorf("%s(%d) is named %q: this test does not know it", enum, e.first+e.n, got)
		}
	}
}

func itoa(i int) string {
	if i >= 10 {
		return itoa(i/10) + itoa(i%10)
	}
	return string(rune('0' + i))
}

func TestSide(t *testing.T) {
	if Initiator.Other() != Responder || Responder.Other() != Initiator {
		t.Error("Other is not the opposite side")
	}
	if got := Initiator.String() + " " + Responder.String(); got != "initiator responder" {
		t.Errorf("the sides are named %q", got)
	}
}
