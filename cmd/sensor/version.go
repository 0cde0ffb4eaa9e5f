package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of the sensor where the build does not tell.
const release = "0.1.0-dev"

// build is what a binary says of itself.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the sources
	Modified bool   `json:"modified,omitempty"` // the sources differed from that
	Go       string `json:"go"`
	Schema   string `json:"schema"` // of the JSON output
}

func thisBuild() build {
	b := build{Version: release, Schema: schemaVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func newVersion(p *program) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say what this binary is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if asJSON {
				return fail(exitRuntime, json.NewEncoder(p.stdout).Encode(b))
			}
			_, err := fmt.Fprintf(p.stdout, "sensor %s\nschema %s\n%s\n", b.Version, b.Schema, b.Go)
			if err == nil && b.Revision != "" {
				_, err = fmt.Fprintf(p.stdout, "revision %s\n", b.Revision)
			}
			return fail(exitRuntime, err)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as a JSON object")
	return cmd
}
