package flowscope_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rules is the table of ARCHITECTURE.md: what a package may import from this
// module and from outside (the standard library is free to all). The first row
// whose pattern matches counts. Tests may import what they like.
var rules = []struct{ pkg, module, outside string }{
	{`sensor`, ``, ``},
	{`sensor/sensortest`, `sensor`, ``},
	{`parsers(/.*)?`, `sensor|parsers/.*`, `golang.org/x/crypto/cryptobyte|golang.org/x/net/http2/hpack`},
	{`gen`, ``, `github.com/cilium/ebpf`},
	{`userspace`, ``, ``},
	{`userspace/internal/.*`, `sensor|userspace/internal/.*`, `golang.org/x/net/bpf`},
	{`userspace/engine`, `sensor|userspace/internal/.*`, ``},
	{`userspace/replay`, `sensor|userspace/internal/.*`, `github.com/google/gopacket|github.com/klauspost/compress/.*|golang.org/x/sys/unix`},
	{`userspace/live`, `sensor|gen|userspace/internal/.*`, `github.com/cilium/ebpf(/.*)?|github.com/vishvananda/netlink`},
	{`userspace/doctor`, ``, `github.com/cilium/ebpf(/.*)?|github.com/vishvananda/netlink|golang.org/x/sys/unix`},
	{`userspace/privilege`, ``, `golang.org/x/sys/unix|kernel.org/pub/linux/libs/security/libcap/cap`},
	{`userspace/export/.*`, `sensor|userspace/export/.*`, ``},
	{`cmd/sensor`, `sensor|parsers(/.*)?|testdata|userspace/(engine|replay|live|doctor|privilege|export/.*)`, `github.com/spf13/.*|golang.org/x/term|golang.org/x/sys/unix`},
	{`examples/.*`, `sensor|parsers(/.*)?|testdata|userspace/(engine|replay|live|export/.*)`, `github.com/google/gopacket`},
	{`testdata/bench`, `sensor|parsers(/.*)?|testdata/.*|userspace/(engine|replay|export/.*)`, `golang.org/x/sys/unix`},
	{`testdata/record/.*`, ``, `golang.org/x/net/(quic|http2(/h2c)?)|github.com/quic-go/quic-go|google.golang.org/(grpc|protobuf)(/.*)?`},
	{`testdata(/.*)?`, `sensor|testdata(/.*)?`, `github.com/google/gopacket(/.*)?|golang.org/x/net/.*|github.com/klauspost/compress/.*`},
	{`internal/protocoldoc`, `sensor|parsers`, ``},
	{`internal/testenv`, ``, `pgregory.net/rapid`},
	{`tools`, ``, ``},
}

func TestImports(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module := strings.Fields(string(mod))[1] + "/"
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		row := slices.IndexFunc(rules, func(r struct{ pkg, module, outside string }) bool { return matches(r.pkg, pkg) })
		if row < 0 {
			t.Errorf("%s: package %s has no row in the table of allowed imports", path, pkg)
			return nil
		}
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			local, inside := strings.CutPrefix(name, module)
			standard := !inside && !strings.Contains(strings.SplitN(name, "/", 2)[0], ".")
			if !standard && !(inside && matches(rules[row].module, local)) && !(!inside && matches(rules[row].outside, name)) {
				t.Errorf("%s: package %s may not import %s", path, pkg, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func matches(pattern, s string) bool {
	return pattern != "" && regexp.MustCompile(`^(`+pattern+`)$`).MatchString(s)
}
