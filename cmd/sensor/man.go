package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan returns the hidden command that packagers use.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fail(exitRuntime, writeMan(cmd.OutOrStdout(), cmd.Root()))
		},
	}
}

// commands returns root and the commands under it that people see.
func commands(root *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			list = append(list, commands(c)...)
		}
	}
	return list
}

// writeMan writes sensor(1), in the language of man(7).
func writeMan(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s %s\"\n", strings.ToUpper(root.Name()), root.Name(), release)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", root.Name(), roff(root.Short))
	for _, c := range commands(root) {
		fmt.Fprintf(&b, ".SH %s\n.nf\n%s\n", strings.ToUpper(c.CommandPath()), roff(strings.TrimRight(longText(c), "\n")))
		fmt.Fprintf(&b, "\n%s\n.fi\n", roff(c.UseLine()))
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" {
				name, usage := flagText(f)
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(name), roff(usage))
			}
		})
		if c.Example != "" {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(c.Example))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// roff escapes text for troff.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// writeMarkdown writes docs/cli.md.
func writeMarkdown(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	b.WriteString("# The command line\n\nGenerated from the program by `go generate ./cmd/sensor`; a test holds it against the program.\n")
	for _, c := range commands(root) {
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n\n%s\n```\n", c.CommandPath(), c.UseLine(), strings.TrimRight(longText(c), "\n"))
		rows := ""
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" {
				name, usage := flagText(f)
				rows += fmt.Sprintf("| `%s` | %s |\n", strings.ReplaceAll(name, "|", `\|`), strings.ReplaceAll(usage, "|", `\|`))
			}
		})
		if rows != "" {
			b.WriteString("\n| flag | |\n|---|---|\n" + rows)
		}
		if c.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n```sh\n%s\n```\n", strings.ReplaceAll(c.Example[2:], "\n  ", "\n"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func longText(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// flagText returns a flag as it is written, and what it does.
func flagText(f *pflag.Flag) (name, usage string) {
	kind, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if kind != "" {
		name += " " + kind
	}
	switch f.DefValue {
	case "", "false", "0", "[]":
	default:
		if f.Name != "workers" { // depends on the machine
			usage += " (default " + f.DefValue + ")"
		}
	}
	return name, usage
}
