package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
)

// newRoot returns the command line.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "sensor",
		Short: "Flow records and messages out of packets, with books that balance",
		Long: `sensor reads packets and says what was said in them: one record per flow, one per
message of the protocols it knows, and at the end a ledger in which every packet
and every byte has its place.

` + exitCodes,
		Example: `  sensor demo
  sensor replay -r capture.pcapng.zst 'tcp port 80'
  sensor replay -r capture.pcap -o jsonl:- | jq 'select(.type == "flow")'`,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(newReplay(p), newDemo(p), newRun(p), newStats(p), newDoctor(p), newProtocols(p), newVersion(p), newMan())
	return root
}

// complain writes an error to stderr, on one line for people and as a log
// record for machines. An error about usage is for people.
func (p *program) complain(cmd *cobra.Command, err error) {
	if exitCode(err) == exitUsage {
		msg := oneLine(err.Error())
		if hint := "sensor"; cmd != nil {
			hint = cmd.CommandPath()
			msg += "\nsee '" + hint + " --help'"
		}
		fmt.Fprintf(p.stderr, "sensor: %s\n", msg)
		return
	}
	code := exitCode(err)
	if f := (*failure)(nil); errors.As(err, &f) {
		err = f.err
	}
	for _, err := range parts(err) { // one line for each damaged input
		if p.json {
			slog.New(slog.NewJSONHandler(p.stderr, nil)).Error(err.Error(), "exit", code)
		} else {
			fmt.Fprintf(p.stderr, "sensor: %s\n", oneLine(err.Error()))
		}
	}
}

// parts returns the errors that err is made of, where it is no more than their
// list.
func parts(err error) []error {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range list.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}
