package captures

import (
	"bytes"
	"fmt"
)

// README returns testdata/README.md.
func README() []byte {
	var b bytes.Buffer
	b.WriteString(`# Captures

Every capture here was made by this project: ` + "`go run ./testdata/generate`" + ` writes it, from a script
in [captures/](captures), with the builder in [build/](build). There are no captures of real networks
here. Names and addresses are those reserved for examples (RFC 2606, RFC 5737, RFC 3849) and
private ones. The program is deterministic; a test makes everything anew and compares (compressed
files by what is in them, because another release of a compressor may choose other bytes).

Beside each capture, ` + "`NAME.truth.json`" + ` says what is in it: frames, flows with their endpoints,
packets and bytes of each direction (` + "`bytes`" + ` from the IP header on, ` + "`frame_bytes`" + ` with the link header,
` + "`payload_bytes`" + ` behind the transport header), TCP streams (length, SHA-256 of the bytes that were
captured, gaps), application messages, and how many frames belong to no flow, for which reason. The
truth comes from the script, never from decoding the capture. What it says of tunnels is the inner
flow; ` + "`outer_flows`" + ` are those of the tunnel. ` + "`end_reason`" + ` is that of the whole capture replayed with the
default time-outs, ` + "`state`" + ` is what Zeek calls conn_state.

The bytes of TLS and QUIC in [captures/fixtures](captures/fixtures) cannot be made up: [record/](record)
took them, once, from Go's crypto/tls and golang.org/x/net/quic talking to themselves.

[benchgen/](benchgen) writes the large captures of ` + "`make bench`" + `, which are not kept.

| file | what is in it | frames | flows |
|---|---|---:|---:|
`)
	for _, c := range All() {
		t := c.Make().Truth()
		fmt.Fprintf(&b, "| `%s` | %s | %d | %d |\n", c.File, c.About, t.Frames, len(t.Flows))
	}
	return b.Bytes()
}
