package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const statsLong = `stats asks a sensor that runs on this host for its books, and shows them: what was
seen so far, and where each packet and each byte of it is. The sensor goes on.

Only root and the user of that sensor may ask, in the network namespace in which
it was started. With several sensors, --pid chooses.
`

func newStats(p *program) *cobra.Command {
	asJSON, pid := false, 0
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show the books of a running sensor",
		Long:  statsLong,
		Example: `  sudo sensor stats
  sudo sensor stats --json | jq .balanced`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			pid, err := chooseSensor(pid)
			if err != nil {
				return fail(exitRuntime, err)
			}
			opt := p.tableOptions("")
			q := question{JSON: asJSON, Width: opt.Width, Color: opt.Color}
			if err := askSensor(pid, q, p.stdout); err != nil {
				return fail(exitRuntime, fmt.Errorf("ask the sensor with process id %d: %w", pid, err))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as the ledger object of the JSON output")
	cmd.Flags().IntVar(&pid, "pid", 0, "process id of the sensor that is asked (default: the only one)")
	return cmd
}

// chooseSensor returns the process to ask: want, or the only sensor that runs.
func chooseSensor(want int) (int, error) {
	if want != 0 {
		return want, nil
	}
	running, err := runningSensors()
	switch {
	case err != nil:
		return 0, err
	case len(running) == 0:
		return 0, errors.New("no sensor runs here: start one with sensor run, or ask in its network namespace")
	case len(running) > 1:
		return 0, fmt.Errorf("several sensors run here: choose one with --pid: %s", strings.Trim(fmt.Sprint(running), "[]"))
	}
	return running[0], nil
}

// question is what stats sends to a sensor.
type question struct {
	JSON  bool // the ledger object, else text
	Width int
	Color bool
}
