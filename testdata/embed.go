// Package testdata holds the demo capture, so that it can be shown without any
// file at hand. It is not a loader of test captures: tests read those from
// this directory, which README.md describes.
package testdata

import _ "embed"

// Demo is the capture that "sensor demo" replays: a pcapng file compressed with
// zstd. What is in it is in demo.truth.json. It must not be written to.
//
//go:embed demo.pcapng.zst
var Demo []byte

// DemoName is the name under which Demo is shown.
const DemoName = "demo.pcapng.zst"
