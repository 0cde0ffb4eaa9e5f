package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"flowscope/parsers"
	"flowscope/sensor"
)

// protocolInfo is what is told of a protocol.
type protocolInfo struct {
	Name      string   `json:"name"`
	Transport string   `json:"transport"`
	Ports     []uint16 `json:"ports,omitempty"` // that are asked first
	AnyPort   bool     `json:"any_port"`        // it is recognised by what is said
}

func newProtocols(p *program) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "protocols",
		Short: "List the protocols that are parsed",
		Long: `protocols lists the protocols that are parsed, with the ports where each is looked
for first. docs/protocols.md says what is decoded of each, and its limits;
--protocols of replay and run chooses among them.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list := protocolInfos(parsers.All)
			if asJSON {
				return fail(exitRuntime, json.NewEncoder(p.stdout).Encode(list))
			}
			return fail(exitRuntime, writeProtocols(p.stdout, list))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return cmd
}

func protocolInfos(all []sensor.Protocol) (list []protocolInfo) {
	for _, q := range all {
		list = append(list, protocolInfo{q.Name, q.Transport.String(), q.Ports, q.Probe != nil})
	}
	return list
}

func writeProtocols(w io.Writer, list []protocolInfo) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, q := range list {
		var ports []string
		for _, port := range q.Ports {
			ports = append(ports, strconv.Itoa(int(port)))
		}
		where := "on any port"
		switch {
		case !q.AnyPort:
			where = "on these ports only: " + strings.Join(ports, " ")
		case len(ports) > 0:
			where += ", first " + strings.Join(ports, " ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", q.Name, q.Transport, where)
	}
	return table.Flush()
}
