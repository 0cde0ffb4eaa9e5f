package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"flowscope/userspace/export/table"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is the program; it returns the exit code.
func run(args []string) int {
	// A reader that leaves, as head does, is told by the write that fails; the
	// other sinks still get to finish.
	signal.Ignore(syscall.SIGPIPE)
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	p.outTerm, p.errTerm = isTerminal(os.Stdout), isTerminal(os.Stderr)
	p.color = p.outTerm && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	root := newRoot(p)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	if err != nil {
		p.complain(cmd, err)
	}
	return exitCode(err)
}

// program is what a command needs of the process it runs in.
type program struct {
	stdin            io.Reader
	stdout, stderr   io.Writer
	outTerm, errTerm bool // whether they are terminals
	color            bool // on stdout
	json             bool // errors and logs are JSON: set by newLogger
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// tableOptions fits tables to the terminal. more is the command that shows
// everything.
func (p *program) tableOptions(more string) table.Options {
	opt := table.Options{Color: p.color, More: more}
	if f, ok := p.stdout.(*os.File); ok && p.outTerm {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			opt.Width = max(width, 60)
		}
	}
	return opt
}
