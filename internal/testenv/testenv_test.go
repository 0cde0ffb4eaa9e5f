package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// recorder is a testing.TB that notes how a test ended, by panicking with it.
type recorder struct{ testing.TB }

func (recorder) Helper()                           {}
func (recorder) Skipf(format string, args ...any)  { panic("skip: " + fmt.Sprintf(format, args...)) }
func (recorder) Fatalf(format string, args ...any) { panic("fail: " + fmt.Sprintf(format, args...)) }

func end(f func(testing.TB)) (how string) {
	defer func() { how = fmt.Sprint(recover()) }()
	f(recorder{})
	return
}

func TestNeed(t *testing.T) {
	missing := func(t testing.TB) { Need(t, "no-such-tool-anywhere") }
	t.Setenv("FLOWSCOPE_CI", "")
	if got, want := end(missing), "skip: needs no-such-tool-anywhere: apt-get install no-such-tool-anywhere"; got != want {
		t.Errorf("Need ended with %q, want %q", got, want)
	}
	t.Setenv("FLOWSCOPE_CI", "1")
	if got, want := end(missing), "fail: needs no-such-tool-anywhere: apt-get install no-such-tool-anywhere"; got != want {
		t.Errorf("in CI Need ended with %q, want %q", got, want)
	}
	if path := Need(t, "go"); !filepath.IsAbs(path) {
		t.Errorf("Need(go) = %q, want an absolute path", path)
	}
}

func TestCorpusIsNeverRequired(t *testing.T) {
	t.Setenv("FLOWSCOPE_CI", "1")
	got := end(func(t testing.TB) { Corpus(t, "no such capture") })
	if len(got) < 5 || got[:5] != "skip:" {
		t.Errorf("Corpus ended with %q, want a skip", got)
	}
}

func TestRoot(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "internal", "testenv", "testenv.go")); err != nil {
		t.Error(err)
	}
}

func TestTshark(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	rows := Tshark(t, filepath.Join(root, "testdata", "dns_queries.pcap"), "dns.flags.response==1", []string{"dns.id", "dns.qry.name"})
	if len(rows) == 0 || len(rows[0]) != 2 || rows[0][0] != "0x1234" || rows[0][1] != "example.com" {
		t.Errorf("rows %q", rows)
	}
}
