package flowscope_test

// The tests of testdata are here, because the go tool leaves directories of
// that name out of ./...

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"flowscope/internal/testenv"
	"flowscope/testdata/build"
	"flowscope/testdata/captures"
	"flowscope/testdata/load"
)

func TestCapturesAreReproducible(t *testing.T) {
	want := map[string]bool{}
	for _, c := range captures.All() {
		file, truth := c.Write()
		compare(t, c.File, file)
		compare(t, c.Name()+".truth.json", truth)
		want[c.File], want[c.Name()+".truth.json"] = true, true
		if limit := 64 << 10; len(file) > limit && c.Name() != "demo" {
			t.Errorf("%s has %d bytes, want at most %d", c.File, len(file), limit)
		}
	}
	compare(t, "README.md", captures.README())
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := filepath.Base(f); !want[name] && (strings.Contains(name, ".pcap") || strings.HasSuffix(name, ".json")) {
			t.Errorf("%s is made by nothing in the table of captures", f)
		}
	}
}

// compare compares a committed file with what the generator makes. Compressed
// files are compared by their contents: another release of a compressor may
// choose other bytes.
func compare(t *testing.T, name string, made []byte) {
	t.Helper()
	kept, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Error(err)
		return
	}
	if !bytes.Equal(unpack(t, name, kept), unpack(t, name, made)) {
		t.Errorf("testdata/%s is not what its script makes; if the change is meant: go run ./testdata/generate, and review the diff", name)
	}
}

func unpack(t *testing.T, name string, b []byte) []byte {
	t.Helper()
	var r io.Reader
	switch filepath.Ext(name) {
	case ".gz":
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case ".zst":
		z, err := zstd.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	default:
		return b
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLoadIsReproducible holds the large captures to their bytes by small ones.
func TestLoadIsReproducible(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(io.Writer, int) (load.Sums, error)
		want  string
	}{
		{"mixed", load.Mixed, "7ddf085fa5a1de40"},
		{"small", load.Small, "bc93baf06820ecf5"},
	} {
		h := sha256.New()
		sums, err := c.write(h, 20_000)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != c.want {
			t.Errorf("%s: %d packets with hash %s, want %s", c.name, sums.Packets, got, c.want)
		}
	}
}

// tally is what one endpoint of a conversation sent.
type tally struct{ Packets, Bytes, FrameBytes uint64 }

// TestCapturesAgainstTshark compares the truth, which comes from the scripts,
// with what an independent decoder finds in the files.
func TestCapturesAgainstTshark(t *testing.T) {
	if testing.Short() {
		t.Skip("starts tshark for each capture: go test without -short")
	}
	tshark := testenv.Need(t, "tshark")
	for _, c := range captures.All() {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile("testdata/" + c.Name() + ".truth.json")
			if err != nil {
				t.Fatal(err)
			}
			var truth build.Truth
			if err := json.Unmarshal(b, &truth); err != nil {
				t.Fatal(err)
			}
			var streams []*build.Flow
			for _, f := range truth.Flows {
				if f.Proto == "tcp" {
					streams = append(streams, f)
				}
			}
			packets, follows := tsharkRun(t, tshark, c.File, streams, truth.Cut)
			got, frames := tsharkTallies(t, packets)
			want := map[string]tally{}
			for _, f := range truth.Flows {
				add(want, f.Proto, f.Initiator, f.Responder, f.Forward)
				add(want, f.Proto, f.Responder, f.Initiator, f.Reverse)
			}
			if frames != truth.Frames {
				t.Errorf("tshark reads %d frames, the truth says %d", frames, truth.Frames)
			}
			if c.Name() == "demo" || strings.HasPrefix(c.Name(), "fragments") { // fragments have no ports
				got, want = withoutPorts(got), withoutPorts(want)
			}
			if strings.HasPrefix(c.Name(), "fragments") {
				for k, v := range want { // two fragments belong to no flow
					v.Packets += uint64(truth.Dropped["fragment_untied"])
					v.Bytes, v.FrameBytes = got[k].Bytes, got[k].FrameBytes
					want[k] = v
				}
			}
			if len(truth.Dropped) > 0 && !strings.HasPrefix(c.Name(), "fragments") {
				// Decoders differ about what is not well formed; compare the rest.
				maps.DeleteFunc(got, func(k string, _ tally) bool { _, ok := want[k]; return !ok })
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("conversations (-truth +tshark):\n%s", diff)
			}
			for i, f := range streams {
				// tshark has no stream without captured payload, and takes what
				// comes after a RST for data.
				if c.Name() != "snaplen54" && !slices.Contains(f.Anomalies, "data_after_close") {
					tsharkStream(t, follows[i], f)
				}
			}
		})
	}
}

var tsharkFields = []string{"frame.protocols", "frame.len", "ip.src", "ip.dst", "ip.len", "ipv6.src", "ipv6.dst", "ipv6.plen",
	"tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport"}

// tsharkRun returns tshark's lines about the packets of a capture, and its
// output about each stream. That tshark fails is right for a cut capture.
func tsharkRun(t *testing.T, tshark, file string, streams []*build.Flow, cut bool) (packets string, follows []string) {
	t.Helper()
	args := []string{"-n", "-r", "testdata/" + file, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
		"-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"}
	for _, f := range tsharkFields {
		args = append(args, "-e", f)
	}
	for i := range streams {
		args = append(args, "-z", fmt.Sprintf("follow,tcp,raw,%d", i))
	}
	out, err := exec.Command(tshark, args...).Output()
	if err != nil && !cut {
		t.Fatalf("tshark: %v", err)
	}
	packets, rest, _ := strings.Cut(string(out), "\n====")
	follows = make([]string, len(streams))
	for _, part := range strings.Split(rest, "Filter: tcp.stream eq ")[1:] {
		n, text, _ := strings.Cut(part, "\n")
		follows[atoi(t, n)] = text
	}
	return packets, follows
}

func add(m map[string]tally, proto, from, to string, d build.Direction) {
	if d.Packets == 0 {
		return
	}
	if proto != "tcp" && proto != "udp" && proto != "sctp" {
		from, to = host(from), host(to)
	}
	k := from + " > " + to
	v := m[k]
	v.Packets += d.Packets
	v.Bytes += d.Bytes
	v.FrameBytes += d.FrameBytes
	m[k] = v
}

func host(addr string) string { return addr[:strings.LastIndexByte(addr, ':')] }

func withoutPorts(m map[string]tally) map[string]tally {
	out := map[string]tally{}
	for k, v := range m {
		from, to, _ := strings.Cut(k, " > ")
		if strings.Contains(from, "]:") || strings.Count(from, ":") == 1 {
			from, to = host(from), host(to)
		}
		k = from + " > " + to
		o := out[k]
		out[k] = tally{o.Packets + v.Packets, o.Bytes + v.Bytes, o.FrameBytes + v.FrameBytes}
	}
	return out
}

// tsharkTallies counts the innermost packets of all frames, by sender and
// receiver, with their ports where they have some.
func tsharkTallies(t *testing.T, packets string) (m map[string]tally, frames int) {
	m = map[string]tally{}
	for line := range strings.Lines(packets) {
		frames++
		v := map[string][]string{}
		for i, col := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			v[tsharkFields[i]] = strings.Split(col, ",")
		}
		layers := strings.Split(v["frame.protocols"][0], ":")
		if i := slices.IndexFunc(layers, func(s string) bool { return s == "icmp" || s == "icmpv6" }); i >= 0 {
			layers = layers[:i] // what follows is quoted
		}
		seen, last := map[string]int{}, ""
		for _, l := range layers {
			seen[l]++
			if l == "ip" || l == "ipv6" {
				last = l
			}
		}
		if last == "" {
			continue
		}
		at := seen[last] - 1
		k, n := v[last+".src"][at], 0
		dst := v[last+".dst"][at]
		if last == "ip" {
			n, _ = strconv.Atoi(v["ip.len"][at]) // "" if malformed
		} else {
			n, _ = strconv.Atoi(v["ipv6.plen"][at])
			n += 40
			k, dst = "["+k+"]", "["+dst+"]"
		}
		inner := layers[lastIndex(layers, last):]
		for _, p := range []string{"tcp", "udp", "sctp"} {
			if slices.Contains(inner, p) {
				k += ":" + v[p+".srcport"][seen[p]-1]
				dst += ":" + v[p+".dstport"][seen[p]-1]
			}
		}
		k += " > " + dst
		o := m[k]
		m[k] = tally{o.Packets + 1, o.Bytes + uint64(n), o.FrameBytes + uint64(atoi(t, v["frame.len"][0]))}
	}
	return m, frames
}

func lastIndex(s []string, v string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == v {
			return i
		}
	}
	return -1
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var missing = regexp.MustCompile(`^\[([0-9]+) bytes missing in capture file\]\x00?$`)

// tsharkStream compares the streams of a flow with tshark's "follow" of it.
func tsharkStream(t *testing.T, out string, f *build.Flow) {
	t.Helper()
	var data [2]bytes.Buffer
	var gaps [2]int64
	node := map[string]int{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if n, ok := strings.CutPrefix(line, "Node 0: "); ok {
			node["first"] = 0
			if n != f.Initiator && "["+host(n)+"]"+n[strings.LastIndexByte(n, ':'):] != f.Initiator {
				node["first"] = 1 // tshark takes the sender of the first data
			}
		}
		text, second := strings.CutPrefix(line, "\t")
		b, err := hex.DecodeString(text)
		if err != nil || len(b) == 0 {
			continue
		}
		side := node["first"]
		if second {
			side = 1 - side
		}
		if m := missing.FindSubmatch(b); m != nil {
			gaps[side] += int64(atoi(t, string(m[1])))
			continue
		}
		data[side].Write(b)
	}
	for s := range data {
		want := f.Direction(build.Side(s)).Stream
		lost := int64(0)
		for _, g := range want.Gaps {
			if g.Offset+g.Bytes < want.Length { // of bytes before a FIN, tshark says nothing
				lost += g.Bytes
			}
		}
		sum := sha256.Sum256(data[s].Bytes())
		if got := hex.EncodeToString(sum[:]); got != want.SHA256 || gaps[s] != lost {
			t.Errorf("%s > %s, %v: tshark follows %d bytes (%s) and misses %d, the truth says %d in all (%s), %d missing",
				f.Initiator, f.Responder, build.Side(s), data[s].Len(), got[:8], gaps[s], want.Length, want.SHA256[:8], lost)
		}
	}
}
