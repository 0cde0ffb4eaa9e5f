package main

import (
	"bytes"
	"strconv"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/testdata"
	"flowscope/userspace/export/fields"
	"flowscope/userspace/replay"
)

// schemaVersion is that of the JSON lines.
var schemaVersion = strconv.Itoa(fields.Version)

// protocols returns the parsers of this build.
func protocols() []sensor.Protocol { return parsers.All }

// openDemo opens the capture that is built in.
func openDemo(opt replay.Options) (*replay.Source, error) {
	return replay.NewReader(opt, testdata.DemoName, bytes.NewReader(testdata.Demo))
}
