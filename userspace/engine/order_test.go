package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"

	"pgregory.net/rapid"
)

func TestOrder(t *testing.T) {
	streamKinds := []sensor.EventKind{sensor.FlowMessage, sensor.FlowGap, sensor.FlowAnomaly, sensor.FlowError}
	tests := []struct {
		name   string
		script func(c *conn)
		want   []string
	}{
		{"words cut anywhere", func(c *conn) {
			c.say(client, "on")
			c.say(client, "e.tw")
			c.say(client, "o.")
			c.close()
		}, []string{"initiator words one", "initiator words two", "initiator words eof aborted=false left=0", "responder words eof aborted=false left=0"}},
		{"late segment", func(c *conn) {
			c.at(client, 4, sensor.ACK, "two.")
			c.at(client, 0, sensor.ACK, "one.")
			c.seq[client] += 8
			c.close()
		}, []string{"initiator words one", "initiator words two", "initiator words eof aborted=false left=0", "responder words eof aborted=false left=0"}},
		{"hole that time gives up", func(c *conn) {
			c.say(client, "one.")
			c.at(client, 4, sensor.ACK, "three.")
			c.wait(12 * time.Second)
			c.s.udp("1.1.1.1:1", "2.2.2.2:2", "x")
			c.at(client, 0, sensor.ACK, "two.")
			c.at(client, 10, sensor.ACK, "four.")
		}, []string{"initiator words one", "gap initiator 4 at 4: timeout", "initiator words three", "initiator words four",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"hole that the receiver has acknowledged", func(c *conn) {
			c.say(client, "one.")
			c.seq[client] += 4
			c.say(server, "ok.")
			c.wait(3 * time.Second)
			c.s.udp("1.1.1.1:1", "2.2.2.2:2", "x")
			c.say(client, "three.")
		}, []string{"initiator words one", "responder words ok", "anomaly initiator acked_unseen", "gap initiator 4 at 4: missing",
			"initiator words three", "initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"acknowledgement seen before the data", func(c *conn) {
			c.seq[client] += 4
			c.say(server, "ok.")
			c.at(client, -4, sensor.ACK, "one.")
			c.say(client, "two.")
		}, []string{"responder words ok", "initiator words one", "initiator words two",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"data lost before the FIN", func(c *conn) {
			c.say(client, "one.")
			c.seq[client] += 100
			c.close()
		}, []string{"initiator words one", "responder words eof aborted=false left=0", "gap initiator 100 at 4: missing",
			"initiator words eof aborted=false left=0"}},
		{"consistent overlap", func(c *conn) {
			c.at(client, 2, sensor.ACK, "e.two.")
			c.at(client, 0, sensor.ACK, "one.t")
			c.seq[client] += 8
			c.close()
		}, []string{"initiator words one", "initiator words two", "initiator words eof aborted=false left=0", "responder words eof aborted=false left=0"}},
		{"conflicting overlap while held: the first wins", func(c *conn) {
			c.at(client, 4, sensor.ACK, "two.")
			c.at(client, 4, sensor.ACK, "TWO.")
			c.at(client, 0, sensor.ACK, "one.X")
			c.seq[client] += 8
		}, []string{"anomaly initiator inconsistent_overlap", "initiator words one", "initiator words two",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"conflicting retransmission of what was delivered", func(c *conn) {
			c.at(client, 0, sensor.ACK, "one.")
			c.at(client, 0, sensor.ACK, "ONE.")
			c.seq[client] += 4
		}, []string{"initiator words one", "anomaly initiator inconsistent_overlap",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"keep-alive", func(c *conn) {
			c.say(client, "one.")
			c.at(client, -1, sensor.ACK, "x")
			c.at(client, -1, sensor.ACK, "")
			c.say(client, "two.")
		}, []string{"initiator words one", "initiator words two", "initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"urgent data stays in the stream, flagged", func(c *conn) {
			c.send(client, sensor.ACK|sensor.URG, "one.")
		}, []string{"anomaly initiator urgent_data", "initiator words one",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"data behind the FIN", func(c *conn) {
			c.send(client, sensor.FIN|sensor.ACK, "one.")
			c.say(client, "two.")
		}, []string{"initiator words one", "initiator words eof aborted=false left=0", "anomaly initiator data_after_close",
			"responder words eof aborted=true left=0"}},
		{"data held that turns out to be behind the FIN", func(c *conn) {
			c.at(client, 2, sensor.ACK, "e.two.")
			c.at(client, 100, sensor.ACK, "three.")
			c.at(client, 0, sensor.ACK|sensor.FIN, "one.")
		}, []string{"anomaly initiator data_after_close", "initiator words one", "initiator words eof aborted=false left=0",
			"responder words eof aborted=true left=0"}},
		{"a SYN-ACK that numbers otherwise", func(c *conn) {
			c.at(server, 3, sensor.ACK, "nobody's.")
			c.at(server, 999, sensor.SYN|sensor.ACK, "")
			c.at(client, 0, sensor.ACK, "").Ack = c.seq[server] + 1000
			c.at(server, 1000, sensor.ACK, "one.")
		}, []string{"responder words one", "initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"segment cut by the snap length", func(c *conn) {
			r := c.send(client, sensor.ACK, "one.two.three.")
			r.Payload = r.Payload[:6]
			c.say(client, "four.")
		}, []string{"initiator words one", "gap initiator 8 at 6: cut", "initiator words four",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"parser error", func(c *conn) {
			c.say(client, "one.x!two.")
			c.say(client, "three.")
		}, []string{"initiator words one", "error initiator words at 4: bad word"}},
		{"parser panic", func(c *conn) {
			c.say(client, "one.")
			c.say(client, "#")
			c.say(client, "two.")
		}, []string{"initiator words one", "error initiator words at 4: parser panicked: ouch"}},
		{"parser done", func(c *conn) {
			c.say(client, "one.?")
			c.say(client, "three.")
		}, []string{"initiator words one"}},
		{"RST flushes what is held", func(c *conn) {
			c.at(client, 4, sensor.ACK, "two.")
			c.send(server, sensor.RST|sensor.ACK, "")
		}, []string{"gap initiator 4 at 0: missing", "initiator words two",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
		{"loss that the source knows of", func(c *conn) {
			c.say(client, "one.")
			k, f := sensor.NewKey(sensor.ProtoTCP, c.addr[client], c.addr[server])
			c.s.add(sensor.Record{Kind: sensor.Lost, Key: k, From: f, Reason: sensor.LossRing, Count: sensor.Counters{PayloadBytes: 4}})
			c.seq[client] += 4
			c.say(client, "three.")
		}, []string{"initiator words one", "gap initiator 4 at 4: ring_full", "initiator words three",
			"initiator words eof aborted=true left=0", "responder words eof aborted=true left=0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			tt.script(s.tcp(4000, 7).open())
			want(t, play(t, s, Config{Protocols: []sensor.Protocol{wordsOnPort7}}, streamKinds...), tt.want...)
		})
	}
}

func TestConflictInAFlowThatNobodyParses(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 9).open()
	c.at(client, 4, sensor.ACK, "two.")
	c.at(client, 4, sensor.ACK, "TWO.")
	want(t, play(t, s, Config{Protocols: []sensor.Protocol{wordsOnPort7}}, sensor.FlowAnomaly), "anomaly initiator inconsistent_overlap")
}

func TestSYNWithData(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 7)
	c.send(client, sensor.SYN, "one.")
	c.send(server, sensor.SYN|sensor.ACK, "")
	c.say(client, "two.")
	got := play(t, s, Config{Protocols: []sensor.Protocol{wordsOnPort7}}, sensor.FlowMessage)
	want(t, got[:2], "initiator words one", "initiator words two")
}

// segments cuts a text into a random schedule of segments that a network could
// have made of it: any sizes, repeated, overlapping, and reordered by at most a
// few places.
func segments(t *rapid.T, n int) [][2]int {
	var out [][2]int
	for at := 0; at < n; {
		size := min(rapid.IntRange(1, 12).Draw(t, "size"), n-at)
		from := max(0, at-rapid.IntRange(0, 5).Draw(t, "overlap")*rapid.IntRange(0, 1).Draw(t, "overlaps"))
		out = append(out, [2]int{from, at + size})
		if rapid.IntRange(0, 5).Draw(t, "repeat") == 0 {
			out = append(out, out[rapid.IntRange(0, len(out)-1).Draw(t, "which")])
		}
		at += size
	}
	for i := range out {
		j := min(i+rapid.IntRange(0, 4).Draw(t, "reorder"), len(out)-1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

const story = "once.upon.a.time.there.was.a.packet.that.nobody.counted."

// TestAnyScheduleSaysTheSame: whatever the segmentation, reordering, duplication
// and consistent overlap, at whatever place in the sequence space, the messages
// are the same; and the books balance (play checks them).
func TestAnyScheduleSaysTheSame(t *testing.T) {
	var whole []string
	for _, w := range strings.Split(strings.TrimSuffix(story, "."), ".") {
		whole = append(whole, "initiator words "+w)
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript()
		c := s.tcp(4000, 7)
		c.seq[client] = rapid.Uint32().Draw(rt, "isn")
		c.open()
		for _, seg := range segments(rt, len(story)) {
			c.at(client, seg[0], sensor.ACK, story[seg[0]:seg[1]])
		}
		c.seq[client] += uint32(len(story))
		c.close()
		got := play(t, s, Config{Protocols: []sensor.Protocol{wordsOnPort7}}, sensor.FlowMessage, sensor.FlowGap, sensor.FlowAnomaly)
		want := append(slices.Clone(whole), "initiator words eof aborted=false left=0", "responder words eof aborted=false left=0")
		if !slices.Equal(got, want) {
			rt.Fatalf("got:\n%s", strings.Join(got, "\n"))
		}
	})
}

// TestMissingBytesAreNeverInvented: with segments left out, the stream and its
// gaps still add up to the whole, every byte that is delivered is in its place,
// and nothing is delivered twice.
func TestMissingBytesAreNeverInvented(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript()
		c := s.tcp(4000, 4001)
		c.seq[client] = rapid.Uint32().Draw(rt, "isn")
		c.open()
		seen := make([]bool, len(story))
		for _, seg := range segments(rt, len(story)) {
			if rapid.IntRange(0, 4).Draw(rt, "lose") == 0 {
				continue
			}
			c.at(client, seg[0], sensor.ACK, story[seg[0]:seg[1]])
			for i := seg[0]; i < seg[1]; i++ {
				seen[i] = true
			}
			if rapid.IntRange(0, 9).Draw(rt, "pause") == 0 {
				c.wait(time.Duration(rapid.IntRange(0, 20).Draw(rt, "seconds")) * time.Second)
			}
		}
		c.seq[client] += uint32(len(story))
		c.close()

		at, delivered := 0, 0
		for ev, err := range EventsWith(s, Config{StreamData: true}) {
			if err != nil {
				rt.Fatal(err)
			}
			if ev.Side != sensor.Initiator || ev.Kind != sensor.FlowData && ev.Kind != sensor.FlowGap {
				continue
			}
			if int(ev.Offset) != at {
				rt.Fatalf("%s, want offset %d", describe(ev), at)
			}
			at += len(ev.Data) + int(ev.Lost)
			delivered += len(ev.Data)
			if ev.Kind == sensor.FlowData && story[ev.Offset:at] != string(ev.Data) {
				rt.Fatalf("%s is not in its place", describe(ev))
			}
		}
		if at != len(story) {
			rt.Fatalf("stream of %d bytes, want %d", at, len(story))
		}
		n := 0
		for _, ok := range seen {
			if ok {
				n++
			}
		}
		if delivered > n {
			rt.Fatalf("%d bytes delivered, %d sent", delivered, n)
		}
	})
}

func TestReorderCap(t *testing.T) {
	s := newScript()
	c := s.tcp(4000, 7).open()
	for i := range 40 {
		c.at(client, 10+100*i, sensor.ACK, strings.Repeat("x", 49)+".")
	}
	got := play(t, s, Config{Protocols: []sensor.Protocol{wordsOnPort7}, MaxReorder: 2000}, sensor.FlowGap, sensor.FlowAnomaly)
	if len(got) < 30 || got[0] != "anomaly initiator reorder_limit" || got[1] != "gap initiator 10 at 0: buffer_full" {
		t.Errorf("got %d lines, first %q", len(got), got[:min(2, len(got))])
	}
}

func TestBudgetIsReturned(t *testing.T) {
	cfg := Config{Protocols: []sensor.Protocol{wordsOnPort7}}.withDefaults()
	cat, err := newCatalogue(cfg.Protocols)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorkers(&cfg, cat, 1)[0]
	w.out.sink = sinkFunc(func(*sensor.Event) error { return nil })
	s := newScript()
	for port := range uint16(50) {
		c := s.tcp(4000+port, 7).open()
		c.say(client, "not a whole word")
		c.at(client, 10, sensor.ACK, "held")
	}
	for i := range s.recs {
		w.take(&s.recs[i], int64(s.recs[i].Time))
	}
	var used int64
	for _, sh := range w.shards {
		used += sh.budget.Used + sh.reorder.Used
	}
	if used < 50*20 {
		t.Errorf("%d bytes charged while data is held", used)
	}
	w.finish()
	for i, sh := range w.shards {
		if owed := sh.budget.Used + sh.reorder.Used; owed != 0 {
			t.Errorf("shard %d owes %d bytes after all flows have ended", i, owed)
		}
		if len(sh.halves.items) != len(sh.halves.free) || len(sh.sessions.items) != len(sh.sessions.free) {
			t.Errorf("shard %d did not take back what its flows had", i)
		}
	}
}
