package parsers_test

import (
	"strings"
	"testing"

	"flowscope/parsers"
	"flowscope/sensor"
)

// TestAll holds every protocol to what the documentation of sensor.Protocol
// asks for.
func TestAll(t *testing.T) {
	type id struct {
		name      string
		transport sensor.Proto
	}
	seen := map[id]bool{}
	for _, p := range parsers.All {
		key := id{p.Name, p.Transport}
		if p.Name == "" || p.Name != strings.ToLower(p.Name) || strings.ContainsAny(p.Name, " \t\"") {
			t.Errorf("%q is no name for a record", p.Name)
		}
		if seen[key] {
			t.Errorf("%s over %v is listed twice", p.Name, p.Transport)
		}
		seen[key] = true
		switch {
		case p.Transport == sensor.ProtoTCP && p.NewStream != nil && p.NewDatagram == nil:
		case p.Transport == sensor.ProtoUDP && p.NewDatagram != nil && p.NewStream == nil:
		default:
			t.Errorf("%s over %v has not exactly the constructor of its transport", p.Name, p.Transport)
		}
		if p.Probe == nil && len(p.Ports) == 0 {
			t.Errorf("%s over %v has neither a probe nor a port: nothing finds it", p.Name, p.Transport)
		}
	}
}

// TestProbesKeepApart asks each probe about bytes that are of no protocol.
func TestProbesKeepApart(t *testing.T) {
	for _, p := range parsers.All {
		if p.Probe == nil {
			continue
		}
		for _, data := range []string{strings.Repeat("\x00", 600), strings.Repeat("\xff", 600), strings.Repeat("A", 600)} {
			if v := p.Probe(sensor.Initiator, []byte(data)); v >= sensor.Match {
				t.Errorf("the probe of %s recognises %q…", p.Name, data[:1])
			}
		}
		if v := p.Probe(sensor.Initiator, nil); v >= sensor.Match {
			t.Errorf("the probe of %s recognises nothing at all", p.Name)
		}
	}
}
