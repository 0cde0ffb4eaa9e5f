package dhcpv6

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowscope/internal/testenv"
	"flowscope/sensor"
	"flowscope/sensor/sensortest"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestTshark compares what was recorded, in a capture of it.
func TestTshark(t *testing.T) {
	testenv.Need(t, "tshark")
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			c := build.New()
			flow := c.UDP("[2001:db8::2]:546", "[2001:db8::1]:547")
			for _, s := range sensortest.Load(t, "testdata/"+name+".transcript").Steps {
				side := build.Fwd
				if s.Side == sensor.Responder {
					side = build.Rev
				}
				flow.Send(side, bytes.Clone(s.Data))
			}
			path := filepath.Join(t.TempDir(), "capture.pcap")
			if err := os.WriteFile(path, c.File(build.Format{}), 0o666); err != nil {
				t.Fatal(err)
			}
			var want []string
			fields := []string{"dhcpv6.msgtype", "dhcpv6.xid", "dhcpv6.iaaddr.ip", "dhcpv6.status_code", "dhcpv6.dns_server", "dhcpv6.search_list_entry", "dhcpv6.client_domain"}
			for _, row := range testenv.Tshark(t, path, "dhcpv6", fields, "-E", "occurrence=a") {
				kinds := strings.Split(row[0], ",")
				row[0] = kinds[len(kinds)-1] // without the relays
				if row[0] == "8" || row[0] == "11" {
					row[6] = "-" // it shows no name where RFC 4704 expects none
				}
				text := strings.ReplaceAll(strings.Join(row, " "), ".,", ",")
				text = strings.ReplaceAll(text, ". ", " ") // the root at the end of names
				want = append(want, strings.TrimSuffix(text, "."))
			}
			src, err := replay.Open(replay.Options{}, path)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var got []string
			for m, err := range engine.Messages[*Message](src, Protocol()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, line(m.Msg))
			}
			if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
				t.Errorf("%d messages (-tshark +parser):\n%s", len(got), diff)
			}
		})
	}
}

// line is a message as tshark's fields tell it.
func line(m *Message) string {
	var addrs, codes, servers []string
	code := func(name string) {
		if name != "" {
			codes = append(codes, strconv.Itoa(slices.Index(statuses[:], name)))
		}
	}
	for _, a := range m.Associations {
		for _, l := range a.Leases {
			addrs = append(addrs, l.Addr.String())
			code(l.Status)
		}
		code(a.Status)
	}
	code(m.Status)
	for _, a := range m.DNS {
		servers = append(servers, a.String())
	}
	name := string(m.FQDN)
	if m.Kind == "release" || m.Kind == "information_request" {
		name = "-"
	}
	return strings.Join([]string{strconv.Itoa(slices.Index(kinds[:], m.Kind)), fmt.Sprintf("0x%06x", m.XID), strings.Join(addrs, ","), strings.Join(codes, ","),
		strings.Join(servers, ","), string(bytes.Join(m.Search, []byte{','})), name}, " ")
}
