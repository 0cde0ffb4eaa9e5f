package lengthprefixed_test

import (
	"fmt"

	"flowscope/parsers/lengthprefixed"
	"flowscope/sensor"
)

// A program that gets bytes from elsewhere can use the parser without the
// engine.
func Example() {
	parser := lengthprefixed.Protocol().NewStream()
	data := []byte("PFX2,\x00\x05hello" + "junk" + "PFX4,\x00\x00\x00\x05world" + "PFX2,\x00")
	n, err := parser.Parse(sensor.Segment{Side: sensor.Initiator, Data: data}, func(m sensor.Message) {
		switch m := m.(type) {
		case *lengthprefixed.Record:
			fmt.Printf("%s at %d: %s\n", m.Marker, m.Offset, m.Body)
		case *lengthprefixed.Skipped:
			fmt.Printf("%d bytes at %d: %s\n", m.Bytes, m.Offset, m.Reason)
		}
	})
	fmt.Printf("%q is left, %v\n", data[n:], err)
	// Output:
	// PFX2 at 0: hello
	// 4 bytes at 12: unknown marker
	// PFX4 at 16: world
	// "PFX2,\x00" is left, <nil>
}
