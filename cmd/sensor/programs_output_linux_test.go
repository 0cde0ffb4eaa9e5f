package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// transcript is what a run of the sensor said, by flow.
type transcript struct {
	flows  []*flowLines
	byKey  map[string][]*flowLines // in the order in which they began
	ledger map[string]account
	even   bool // the books balance
}

type account struct {
	Total uint64
	Rows  map[string]uint64
}

// flowLines are the lines about one flow, without what differs between a live
// run and a replay of the same packets: see docs/live.md.
type flowLines struct {
	id      float64
	key     string
	app     string
	dstPort int
	payload [2]uint64
	record  string      // the flow record
	said    [2][]string // messages, gaps, anomalies and errors, by side
}

// notCompared are the fields that a replay may have otherwise: times, frames, and
// what rests on ACKs without payload. notOfUncopied rest on segments whose payload
// the kernel did not copy: beyond its budget, or of a flow that no parser wants.
var notCompared = []string{"ts", "ts_start", "ts_end", "frame", "flow_id", "v", "history", "rtt", "community_id", "took", "duration", "sent", "interfaces"}

var notOfUncopied = []string{"retrans_fwd", "retrans_rev", "out_of_order_fwd", "out_of_order_rev", "gap_bytes_fwd", "gap_bytes_rev"}

const long = 256 << 10

func readTranscript(t *testing.T, name string) *transcript {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := &transcript{byKey: map[string][]*flowLines{}}
	byID := map[float64]*flowLines{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var head struct {
			Balanced bool
			Accounts map[string]account
		}
		var l map[string]any
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if l["type"] == "ledger" {
			if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
				t.Fatal(err)
			}
			o.ledger, o.even = head.Accounts, head.Balanced
			continue
		}
		id := l["flow_id"].(float64)
		if byID[id] == nil {
			byID[id] = &flowLines{id: id}
		}
		byID[id].add(l)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, fl := range byID {
		if fl.record == "" {
			t.Errorf("%s: flow %v has no record", name, fl.id)
		}
		for side := range fl.said {
			fl.said[side] = slices.DeleteFunc(fl.said[side], func(line string) bool {
				return fl.app == "" && (strings.Contains(line, `"type":"gap"`) || strings.Contains(line, `"kind":"inconsistent_overlap"`) ||
					strings.Contains(line, `"kind":"data_after_close"`))
			})
		}
		if !strings.Contains(fl.key, " ff02:") && !strings.Contains(fl.key, " icmpv6 ") {
			o.flows = append(o.flows, fl)
		}
	}
	slices.SortFunc(o.flows, func(a, b *flowLines) int { return cmp.Compare(a.id, b.id) })
	for _, fl := range o.flows {
		o.byKey[fl.key] = append(o.byKey[fl.key], fl)
	}
	return o
}

func (fl *flowLines) add(l map[string]any) {
	kind := l["type"]
	if kind == "flow" {
		fl.key = fmt.Sprintf("%v %v %v > %v %v vlan %v tunnel %v", l["proto"], l["src_ip"], l["src_port"], l["dst_ip"], l["dst_port"], l["vlan"], l["tunnel_id"])
		fl.app, _ = l["app"].(string)
		port, _ := l["dst_port"].(float64)
		fl.dstPort = int(port)
		fl.payload = [2]uint64{uint64(l["payload_bytes_fwd"].(float64)), uint64(l["payload_bytes_rev"].(float64))}
	}
	if l["kind"] == "acked_unseen" {
		return // rests on ACKs without payload
	}
	if kind == "flow" && (fl.app == "" || max(fl.payload[0], fl.payload[1]) > long) {
		for _, name := range notOfUncopied {
			delete(l, name)
		}
	}
	side := 0
	if l["side"] == "responder" {
		side = 1
	}
	strip(l)
	b, _ := json.Marshal(l) // in the order of names
	if kind == "flow" {
		fl.record += string(b)
		return
	}
	fl.said[side] = append(fl.said[side], string(b))
}

// strip takes what is not compared out of v.
func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range notCompared {
			delete(v, name)
		}
		for _, each := range v {
			strip(each)
		}
	case []any:
		for _, each := range v {
			strip(each)
		}
	}
}

// sameTranscript holds a live run against the replay of the same packets.
func sameTranscript(t *testing.T, live, replayed *transcript) {
	t.Helper()
	if !live.even || !replayed.even {
		t.Errorf("the books balance: live %v, replay %v", live.even, replayed.even)
	}
	if len(live.flows) == 0 {
		t.Error("no flow")
	}
	errors := 0
	differ := func(format string, args ...any) {
		t.Helper()
		if errors++; errors < 20 {
			t.Errorf(format, args...)
		}
	}
	keys := maps.Clone(live.byKey)
	maps.Copy(keys, replayed.byKey)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		got, want := live.byKey[key], replayed.byKey[key]
		if len(got) != len(want) {
			differ("%s: %d flows, want %d\n got %v\nwant %v", key, len(got), len(want), records(got), records(want))
			continue
		}
		for i := range got {
			if got[i].record != want[i].record {
				differ("%s: flow %d:\n got %s\nwant %s", key, i, got[i].record, want[i].record)
			}
			for side := range got[i].said {
				a, b := got[i].said[side], want[i].said[side]
				for n := range max(len(a), len(b)) {
					if n >= len(a) || n >= len(b) || a[n] != b[n] {
						differ("%s: flow %d, side %d: %d lines, want %d; line %d:\n got %s\nwant %s", key, i, side, len(a), len(b), n, at(a, n), at(b, n))
						break
					}
				}
			}
		}
	}
}

func at(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return "nothing"
}

func records(flows []*flowLines) string {
	var b strings.Builder
	for _, fl := range flows {
		b.WriteString("\n  " + fl.record)
	}
	return b.String()
}
