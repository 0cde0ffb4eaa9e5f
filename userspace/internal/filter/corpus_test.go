package filter

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowscope/internal/testenv"
)

// record is a frame of a capture.
type record struct {
	data    []byte
	wireLen int
}

// readCapture lets tcpdump read a capture, so that any format will do, and
// returns the frames that it selects.
func readCapture(t testing.TB, path, expr string) (link uint16, records []record) {
	t.Helper()
	args := []string{"-n", "-r", path, "-w", "-"}
	if expr != "" {
		args = append(args, "--", expr)
	}
	out, err := exec.Command(testenv.Need(t, "tcpdump"), args...).Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if len(out) < 24 {
		return ^uint16(0), nil // tcpdump cannot read it either
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if binary.BigEndian.Uint32(out)>>24 == 0xa1 {
		order = binary.BigEndian
	}
	link = uint16(order.Uint32(out[20:]))
	for b := out[24:]; len(b) >= 16; {
		n := int(order.Uint32(b[8:]))
		if n > len(b)-16 {
			break
		}
		records = append(records, record{data: b[16 : 16+n], wireLen: int(order.Uint32(b[12:]))})
		b = b[16+n:]
	}
	return link, records
}

// TestCorpus compares verdicts on the frames of real captures with those of
// tcpdump reading the capture with the same filter.
func TestCorpus(t *testing.T) {
	root := testenv.Corpus(t)
	exprs := []string{
		"ip", "ip6", "tcp", "udp port 53", "port 80", "not port 80", "tcp port 443 or 8080", "portrange 1-1023", "net 192.168.0.0/16", "not net 10.0.0.0/8",
		"host 10.0.0.1 or host 192.168.1.1", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip[6:2] & 0x3fff != 0", "len > 100", "less 64",
		"vlan", "vlan and tcp", "mpls and ip", "pppoes and ip", "multicast", "icmp or icmp6", "arp", "ether proto 0x88cc", "net 2001::/16",
		"tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", "not (tcp or udp)", "sctp or ip proto 47",
	}
	files, frames, verdicts, matches, refused := 0, 0, 0, 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".pcap", ".pcapng", ".cap"}, filepath.Ext(path)) {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() > 4<<20 || testing.Short() && info.Size() > 64<<10 {
			return err
		}
		link, all := readCapture(t, path, "")
		if _, ok := linkLayers[link]; !ok {
			return nil
		}
		files++
		frames += len(all)
		for i, expr := range exprs {
			p, err := Compile(expr, link, testSnaplen)
			if err != nil {
				refused++
				continue
			}
			m := newMachine(t, p.raw)
			n := 0
			for _, r := range all {
				got := p.Match(r.data, r.wireLen)
				if want := m.matchCut(t, r.data, r.wireLen); got != want {
					t.Errorf("%s, %q: Match(%x, %d) = %v, want %v", path, expr, r.data, r.wireLen, got, want)
				}
				if got {
					n++
				}
			}
			verdicts += len(all)
			matches += n
			if (i+files)%5 != 0 { // each filter on some captures is enough for what takes long
				continue
			}
			if _, want := readCapture(t, path, expr); n != len(want) {
				t.Errorf("%s, %q: %d frames match, tcpdump -r has %d", strings.TrimPrefix(path, root), expr, n, len(want))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d captures, %d frames, %d verdicts, %d of them matches; %d filters do not go with the link type", files, frames, verdicts, matches, refused)
}
