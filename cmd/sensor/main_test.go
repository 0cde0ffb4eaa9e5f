package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"flowscope/internal/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sensor": main})
}

// TestScripts runs the program as people do: each script in testdata/script is
// a session at a shell. CAPTURES is the folder of the project's captures.
func TestScripts(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CAPTURES", filepath.Join(root, "testdata"))
			env.Setenv("HOSTILE", "no\x1b[31msuch\nfile")
			return nil
		},
		Condition: func(cond string) (bool, error) {
			path, ok := strings.CutPrefix(cond, "exists:")
			if !ok {
				return false, fmt.Errorf("unknown condition %s", cond)
			}
			_, err := os.Stat(path)
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"tear":  tear,
		},
	})
}

// exits runs a command and demands an exit code: exits CODE COMMAND...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); err != nil {
		var ok bool
		if exit, ok = err.(*exec.ExitError); !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if got := string('0' + rune(code)); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// tear writes the first bytes of a file to another: tear FROM BYTES TO.
func tear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: tear FROM BYTES TO")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n := 0
	for _, c := range args[1] {
		n = 10*n + int(c-'0')
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b[:min(n, len(b))], 0o600))
}

// TestInterrupt sends a signal to a sensor that waits for more on standard
// input: what it saw until then is told, with the books.
func TestInterrupt(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	capture, err := os.ReadFile(filepath.Join(root, "testdata", "http_session.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	const header = 24 // of the file
	for _, workers := range []string{"1", "2"} {
		t.Run("workers "+workers, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.jsonl")
			cmd := exec.Command("sensor", "replay", "-r", "-", "-w", "-", "-o", "jsonl:"+out, "--workers", workers, "--log", "text", "-q")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Packets come out in batches: once the first is there, packets
			// were seen, whatever the sensor does with the rest.
			_, _ = stdin.Write(capture)
			for range 100 {
				_, _ = stdin.Write(capture[header:])
			}
			if _, err := io.ReadFull(stdout, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, stdout)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != exitRuntime {
				t.Errorf("exit code %d, want %d", got, exitRuntime)
			}
			if want := "sensor: interrupted: the rest of the input was not read\n"; stderr.String() != want {
				t.Errorf("stderr %q, want %q", stderr.String(), want)
			}
			lines, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(lines, []byte(`"type":"flow"`)) || !bytes.Contains(lines, []byte(`"balanced":true`)) {
				t.Errorf("no flow, or no ledger that balances:\n%s", lines)
			}
		})
	}
}

// TestWorkers demands the same bytes for any number of workers, of all captures.
func TestWorkers(t *testing.T) {
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	captures, err := filepath.Glob(filepath.Join(root, "testdata", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(captures) == 0 {
		t.Fatal("no captures in testdata")
	}
	for i, path := range captures {
		if testing.Short() && i%8 != 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			var want []byte
			for _, workers := range []string{"1", "2", "3"} {
				got, err := exec.Command("sensor", "replay", "-r", path, "--workers", workers).Output()
				if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == exitPartial) {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				} else if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("output with %s workers (-1 worker +%s workers):\n%s", workers, workers, diff)
				}
			}
		})
	}
}
