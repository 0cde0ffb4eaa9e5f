// Package jsonl writes what the engine tells as JSON lines: one object per
// line, for jq, DuckDB, log shippers and tests. It is not a serialiser for
// other packages; the message encoder it uses is internal/jsonenc.
//
// The schema is that of package fields, documented in docs/outputs/jsonl.md.
// A line has one line feed, at its end, is valid UTF-8 and valid JSON, has at
// most 64 KiB, and holds no raw control or invisible character, whatever bytes
// the network sent (package safetext says how they are escaped).
//
// Counters are JSON integers of up to 64 bits. Programs that read numbers as
// floats lose precision above 2^53, which is 9 petabytes.
package jsonl
