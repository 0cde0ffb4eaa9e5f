package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"flowscope/userspace/doctor"
	"flowscope/userspace/live"
)

const doctorLong = `doctor looks at this host, and at the interfaces that are given, and says whether
run works here: the kernel's features, the capabilities of this process, settings,
who else is on the hooks of the interface, its offloads. What does not work comes
with what to do about it. It attaches nothing and changes nothing.

Exit codes:
  0  run works here
  1  it does not: a check failed
  2  wrong usage
`

func newDoctor(p *program) *cobra.Command {
	asJSON := false
	var interfaces []string
	cmd := &cobra.Command{
		Use:   "doctor [-i INTERFACE]...",
		Short: "Say whether run works on this host, and what to do if not",
		Long:  doctorLong,
		Example: `  sudo sensor doctor -i eth0
  sensor doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			checks := doctor.Run(doctor.Options{Interfaces: interfaces, Memory: live.Options{}.Memory(), Load: live.TryLoad})
			write := writeChecks
			if asJSON {
				write = func(w io.Writer, checks []doctor.Check) error { return json.NewEncoder(w).Encode(checks) }
			}
			if err := write(p.stdout, checks); err != nil {
				return fail(exitRuntime, err)
			}
			if doctor.Failed(checks) {
				return fail(exitRuntime, errors.New("run does not work here: see the checks that failed"))
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVarP(&interfaces, "interface", "i", nil, "`INTERFACE` to look at; again for more")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a JSON array, one object for each check")
	return cmd
}

// writeChecks writes a line for each check and one for each remedy.
func writeChecks(w io.Writer, checks []doctor.Check) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		name := c.Name
		if c.Interface != "" {
			name = c.Interface + " " + name
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", strings.ToUpper(string(c.Status)), name, oneLine(c.Found))
		if c.Remedy != "" {
			fmt.Fprintf(table, "\t\tto do: %s\n", oneLine(c.Remedy))
		}
	}
	return table.Flush()
}
