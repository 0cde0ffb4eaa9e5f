package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flowscope/internal/testenv"
)

// TestProgramsLoss makes the sensor lose payload: by a small budget, and by not
// reading what crosses. What is lost is in the books to the byte, and nothing
// false is said because of it.
func TestProgramsLoss(t *testing.T) {
	l := newLab(t, false)
	testenv.Need(t, "nginx")
	testenv.Need(t, "curl")
	l.nginx(t)
	download := func(t *testing.T, n int, path string) {
		var args []string
		for range n { // a connection each
			args = append(args, "--next", "-sS", "-o", "/dev/null", "-H", "Connection: close", "http://"+serverIP+":8080"+path)
		}
		l.say(t, append([]string{"curl"}, args[1:]...)...)
	}
	tests := []struct {
		name string
		args []string
		row  string
		talk func(*testing.T, *watch)
	}{
		{"a small budget", []string{"--payload", "2KiB"}, "over_budget", func(t *testing.T, _ *watch) {
			download(t, 5, "/text.txt")
			download(t, 5, "/medium")
			l.say(t, "curl", "-sS", "--http2-prior-knowledge", "-o", "/dev/null", "http://"+serverIP+":8082/medium")
			l.say(t, "curl", "-sS", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null",
				"http://"+serverIP+":8080/medium", "http://"+serverIP+":8080/index.html", "http://"+serverIP+":8080/moved")
		}},
		{"rings that are full", nil, "ring_full", func(t *testing.T, w *watch) {
			stop := func(s syscall.Signal) { _ = w.sensor.Process.Signal(s) }
			stop(syscall.SIGSTOP)
			defer stop(syscall.SIGCONT)
			for range 2 {
				download(t, 20, "/medium")
				download(t, 20, "/index.html")
			}
			// What is left is filled by flows that are too short for a budget.
			l.say(t, "bash", "-c", "for i in {1..4000}; do printf %01200d 0 >/dev/udp/"+serverIP+"/9 || :; done")
			download(t, 20, "/index.html")
		}},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := l.watch(t, fmt.Sprintf("loss%d", i), tt.args...)
			tt.talk(t, w)
			live, replayed := w.stop(t)
			checkLost(t, live, replayed, tt.row)
		})
	}
}

// checkLost holds a run that lost payload against the replay of all packets:
// counters are the same, and what is missing is what the books say.
func checkLost(t *testing.T, live, replayed *transcript, row string) {
	t.Helper()
	if !live.even {
		t.Error("the books do not balance")
	}
	kernel, tcp := live.ledger["kernel_payload"].Rows, live.ledger["tcp_payload"]
	if kernel[row] == 0 {
		t.Errorf("nothing is %s: %v", row, kernel)
	}
	offered := replayed.ledger["tcp_payload"].Total + replayed.ledger["udp_payload"].Total
	if got := live.ledger["kernel_payload"].Total; got != offered {
		t.Errorf("%d bytes were offered, %d are in the capture", got, offered)
	}
	if tcp.Total != replayed.ledger["tcp_payload"].Total {
		t.Errorf("%d bytes of TCP in the engine's books, %d in the capture", tcp.Total, replayed.ledger["tcp_payload"].Total)
	}
	notCopied := live.ledger["kernel_payload"].Total - kernel["forwarded"]
	var sum uint64
	for _, n := range kernel {
		sum += n
	}
	if sum != offered {
		t.Errorf("the rows of the kernel's books are %d bytes, of %d", sum, offered)
	}
	udp := live.ledger["udp_payload"]
	t.Logf("offered %d, not copied %d, rows %v; TCP: %v; UDP: %v", offered, notCopied, kernel, tcp.Rows, udp.Rows)
	missing := tcp.Rows["gap"] + tcp.Rows["lost"] + tcp.Rows["bypassed"] + udp.Rows["lost"] + udp.Rows["bypassed"]
	if missing < notCopied || tcp.Rows["delivered"]+tcp.Rows["unparsed"]+udp.Rows["delivered"] > kernel["forwarded"] {
		t.Errorf("%d bytes are missing, want %d that were not copied", missing, notCopied)
	}
	if udp.Total == 0 && missing != notCopied { // of a protocol that nobody knows, what was copied is bypassed, too
		t.Errorf("%d bytes are missing, want %d that were not copied", missing, notCopied)
	}
	said, flagged := 0, 0
	for key, want := range replayed.byKey {
		got := live.byKey[key]
		if len(got) != len(want) {
			t.Errorf("%s: %d flows, want %d", key, len(got), len(want))
			continue
		}
		for i := range got {
			for side := range got[i].said {
				for _, line := range got[i].said[side] {
					switch {
					case strings.Contains(line, `"reason":"cut"`):
						t.Errorf("nothing is cut: %s", line)
					case slices.Contains(want[i].said[side], line):
						said++
					case slices.ContainsFunc([]string{`"type":"gap"`, `"missing":`, `"incomplete":true`, `"partial":true`, `"resynced":true`, `"pairing":`},
						func(flag string) bool { return strings.Contains(line, flag) }):
						flagged++
					default:
						t.Errorf("this is not in the replay: %s", line)
					}
				}
			}
			if a, b := countersOf(got[i].record), countersOf(want[i].record); a != b {
				t.Errorf("a flow's counters:\n got %s\nwant %s", a, b)
			}
		}
	}
	t.Logf("%d lines as in the replay, %d that say what is missing", said, flagged)
}

// countersOf returns a flow record without what rests on what crosses: payload,
// and where rings are full also the beginning and end of connections.
func countersOf(record string) string {
	return withoutFields(record, "gap_bytes_fwd", "gap_bytes_rev", "headline", "app", "out_of_order_fwd", "out_of_order_rev",
		"retrans_fwd", "retrans_rev", "dir_evidence", "end_reason", "state", "midstream")
}

// withoutFields returns a flow record without some of its fields.
func withoutFields(record string, names ...string) string {
	var keep []string
	for field := range strings.SplitSeq(strings.Trim(record, "{}"), ",") {
		if name, _, _ := strings.Cut(field, ":"); !slices.Contains(names, strings.Trim(name, `"`)) {
			keep = append(keep, field)
		}
	}
	return strings.Join(keep, ",")
}
