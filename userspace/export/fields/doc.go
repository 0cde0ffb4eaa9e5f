// Package fields is the table of everything that the sensor exports about a
// flow, and of what other formats call it: one truth, many spellings. The
// documentation of the JSON lines (docs/outputs/jsonl.md) and their JSON Schema
// are generated from it, and the tests of each sink hold its output against
// it. It is not an encoder.
package fields

//go:generate go test flowscope/userspace/export/fields -run TestGenerated -update
