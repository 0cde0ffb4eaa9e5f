package quic

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// captures are those of the corpus.
func captures(t *testing.T) (list []string) {
	t.Helper()
	for _, pattern := range []string{"*.pcap", "*.pcapng"} {
		paths, err := filepath.Glob(filepath.Join(testenv.Corpus(t, "quic"), pattern))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, paths...)
	}
	if len(list) < 5 {
		t.Fatalf("%d captures", len(list))
	}
	return list
}

// said replays a capture and returns a line for each message and error.
func said(t *testing.T, path string, line func(sensor.Message) string) (lines []string) {
	t.Helper()
	src, err := replay.Open(replay.Options{}, path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Kind {
		case sensor.FlowMessage:
			if s := line(ev.Msg); s != "" {
				lines = append(lines, s)
			}
		case sensor.FlowError:
			lines = append(lines, "error: "+ev.Err.Error())
		}
	}
	return lines
}

// TestTshark compares names, fingerprints and choices with those of tshark.
func TestTshark(t *testing.T) {
	if testing.Short() {
		t.Skip("starts tshark for each capture: go test without -short")
	}
	for _, path := range captures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			rows := testenv.Tshark(t, path, "quic && tls.handshake.type in {1,2}", []string{"tls.handshake.type", "tls.handshake.extensions_server_name",
				"tls.handshake.ja3", "tls.handshake.ja3s", "tls.handshake.ciphersuite", "tls.handshake.extensions_alpn_str"}, "-E", "occurrence=f")
			if len(rows) == 0 {
				t.Fatal("tshark has no rows")
			}
			var want []string
			for _, row := range rows {
				if row[0] == "1" {
					row[4] = "" // the first may be GREASE
				} else {
					row[5] = ""
				}
				want = append(want, strings.Join(row, " "))
			}
			got := said(t, path, func(m sensor.Message) string {
				switch m := m.(type) {
				case *ClientHello:
					return fmt.Sprintf("1 %s %s   %s", m.SNI, m.JA3, m.ALPN[0])
				case *ServerHello:
					return fmt.Sprintf("2   %s 0x%04x ", m.JA3S, uint16(m.Cipher))
				}
				return ""
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-tshark +parser):\n%s", diff)
			}
		})
	}
}

// TestJA4 compares JA4 with what its authors published.
func TestJA4(t *testing.T) {
	path := testenv.Corpus(t, "quic/ja4_quic-tls-handshake.pcapng")
	b, err := os.ReadFile(path + ".expected.ja4.rust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`q\w+_\w+_\w+`).FindAllString(string(b), -1)
	got := said(t, path, func(m sensor.Message) string { return string(m.(*ClientHello).JA4) })
	if !slices.Equal(got, want) || len(want) != 1 {
		t.Errorf("JA4 %q, want %q", got, want)
	}
}

// TestZeek compares versions, connection ids, names and protocols with Zeek's
// quic.log.
func TestZeek(t *testing.T) {
	for _, path := range captures(t) {
		b, err := os.ReadFile(path + ".expected.zeek.quic.log")
		if err != nil {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			var want string
			for line := range strings.Lines(string(b)) {
				if line[0] != '#' {
					f := strings.Split(line, "\t") // version, dcid, client's scid, server's scid, name, protocol
					want = strings.NewReplacer("(empty)", "", "quicv2", "2").Replace(strings.Join(f[6:12], " "))
					want = strings.Replace(want, " - ", "  ", 1)
				}
			}
			var hello string
			for _, s := range said(t, path, func(m sensor.Message) string {
				switch m := m.(type) {
				case *ClientHello:
					version := strings.TrimPrefix(m.QUIC.String(), "QUIC v")
					return fmt.Sprintf("%s %s %s SERVER %s %s", version, m.DCID, m.SCID, m.SNI, m.ALPN[0])
				case *ServerHello:
					return "server " + string(m.SCID)
				}
				return ""
			}) {
				if scid, ok := strings.CutPrefix(s, "server "); ok {
					hello = strings.Replace(hello, "SERVER", scid, 1)
				} else {
					hello = s
				}
			}
			if hello != want {
				t.Errorf("%q, Zeek has %q", hello, want)
			}
		})
	}
}
