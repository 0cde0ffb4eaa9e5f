package filter

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// systemNames reads a file of names and numbers, /etc/services or
// /etc/protocols. It is nil where there is no such file.
func systemNames(path string) map[string][]string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	names := make(map[string][]string)
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		for i, name := range fields {
			if i != 1 {
				names[name] = append(names[name], fields[1])
			}
		}
	}
	return names
}

// systemServices and systemProtocols are those files.
var (
	systemServices  = sync.OnceValue(func() map[string][]string { return systemNames("/etc/services") })
	systemProtocols = sync.OnceValue(func() map[string][]string { return systemNames("/etc/protocols") })
)

// differsHere says how a name of the tables differs on this machine, "" if it does
// not.
func differsHere(name string) string {
	if s, ok := services[name]; ok {
		want := map[uint32]string{0: "tcp udp", protoTCP: "tcp", protoUDP: "udp"}[s.transport]
		var have []string
		for _, entry := range systemServices()[name] {
			number, transport, _ := strings.Cut(entry, "/")
			if number != strconv.Itoa(int(s.port)) {
				return entry
			}
			if transport != "sctp" && !slices.Contains(have, transport) {
				have = append(have, transport)
			}
		}
		slices.Sort(have)
		if got := strings.Join(have, " "); got != want {
			return "only " + got
		}
	}
	if n, ok := ipProtocols[name]; ok {
		if have := strings.Join(systemProtocols()[name], " "); have != strconv.Itoa(int(n)) {
			return have
		}
	}
	return ""
}

// knownHere says whether the names in an expression mean to tcpdump on this
// machine what they mean to Compile.
func knownHere(expr string) bool {
	for word := range strings.FieldsFuncSeq(expr, func(r rune) bool { return strings.ContainsRune(" ()\\!", r) }) {
		if (words[word] == "" || strings.Contains(expr, `\`+word)) && differsHere(word) != "" {
			return false
		}
	}
	return true
}

// TestNames compares the tables of names with the files of this machine.
func TestNames(t *testing.T) {
	release, _ := os.ReadFile("/etc/os-release")
	if systemServices() == nil || systemProtocols() == nil || !strings.Contains(string(release), "bookworm") {
		t.Skip("the tables are those of Debian 12; run this there, with the package netbase")
	}
	for name := range services {
		if d := differsHere(name); d != "" {
			t.Errorf("service %s: this machine has %s", name, d)
		}
		if !strings.Contains(", "+serviceNames+",", ", "+name+",") {
			t.Errorf("service %s is not in the message", name)
		}
	}
	for name := range ipProtocols {
		if d := differsHere(name); d != "" {
			t.Errorf("protocol %s: this machine has %s", name, d)
		}
	}
}

func TestConstants(t *testing.T) {
	reference := newReference(t)
	for name := range constants {
		if _, ok := reference.compare(t, 1, "len = "+name); !ok {
			t.Errorf("%s is refused", name)
		}
	}
}
