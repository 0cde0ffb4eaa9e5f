package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flowscope/userspace/replay"
)

const replayLong = `replay reads captures and says what was said in them: pcap and pcapng, plain,
gzip or zstd, from files, directories (in the order of their names) or standard
input (-r -). It needs no privileges, and its output is a function of its input:
the clock is that of the packets, and the same file gives the same bytes.

The words that are no flags are a filter in the syntax of pcap-filter(7), as with
tcpdump. What of that syntax cannot be compiled exactly is an error.

With --through-kernel each packet is sent through the program that run attaches to
interfaces, filter and all, and is attached to nothing meanwhile. The output is the
same but for accounts of the kernel in the ledger; that it is is what this is for.
Captures must be of Ethernet or raw IP. Fragments are put together in Go.

` + sinkHelp + `
` + exitCodes

func newReplay(p *program) *cobra.Command {
	o := newOptions("sensor replay -r FILE -o jsonl:-")
	cmd := &cobra.Command{
		Use:   "replay -r FILE... [FILTER]",
		Short: "Read captures: flow records, messages and a ledger",
		Long:  replayLong,
		Example: `  sensor replay -r capture.pcap
  sensor replay -r monday.pcap.zst -r tuesday.pcapng 'udp port 53'
  sensor replay -r captures/ -o jsonl:out.jsonl -o streams:out/
  tcpdump -U -i eth0 -w - | sensor replay -r -
  sensor replay -r fixture.pcap --expect golden.jsonl --fail-on-loss 0`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			if err := o.checkInputs(cmd.Flags(), words); err != nil {
				return err
			}
			o.filter = strings.Join(words, " ")
			open := openFiles(o.files)
			if o.through {
				open = o.throughKernel(p, open)
			}
			defer o.closeThrough()
			return o.run(cmd.Context(), p, open)
		},
	}
	fs := cmd.Flags()
	fs.StringArrayVarP(&o.files, "read", "r", nil, "`FILE` to read; again for more; a directory is read in order, - is standard input")
	fs.StringP("interface", "i", "", "no capture: see sensor run")
	_ = fs.MarkHidden("interface")
	o.addFlags(fs)
	fs.BoolVar(&o.through, "through-kernel", false, "classify packets with the program that run attaches to interfaces; takes root, or CAP_BPF and CAP_NET_ADMIN")
	_ = cmd.MarkFlagFilename("read")
	return cmd
}

func openFiles(files []string) opener {
	return func(opt replay.Options) (*replay.Source, error) { return replay.Open(opt, files...) }
}

func newDemo(p *program) *cobra.Command {
	o := newOptions("sensor demo -o jsonl:-")
	cmd := &cobra.Command{
		Use:   "demo [FILTER]",
		Short: "Replay the capture that is built in",
		Long: `demo replays a capture that is built into the program, as replay does with a
file. Nothing is read and nothing is sent.

` + sinkHelp,
		Example: `  sensor demo
  sensor demo udp port 53
  sensor demo -o jsonl:- | jq -c 'select(.type == "message")'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			o.filter = strings.Join(words, " ")
			return o.run(cmd.Context(), p, openDemo)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

// checkInputs looks for the mistakes that people used to tcpdump and to shells
// make.
func (o *options) checkInputs(fs *pflag.FlagSet, words []string) error {
	if fs.Changed("interface") {
		return usagef("replay reads captures: to watch an interface, use sensor run -i INTERFACE")
	}
	if len(o.files) == 0 {
		return usagef("nothing to read: give a capture with -r FILE (-r - is standard input)")
	}
	for _, word := range words {
		if _, err := os.Stat(word); err == nil && (strings.ContainsAny(word, "./") || len(words) == 1) {
			return usagef("%s is a file, but stands where the filter does: give each file its own -r, or a directory", word)
		}
	}
	return nil
}
