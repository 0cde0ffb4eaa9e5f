package dhcpv6_test

import (
	"fmt"

	"flowscope/parsers/dhcpv6"
	"flowscope/sensor"
)

// A program that gets datagrams from elsewhere can use the parser without the
// engine.
func Example() {
	solicit := []byte{1, 0, 0, 7, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0x5e, 0, 0x53, 1, 0, 39, 0, 9, 1, 7, 'p', 'r', 'i', 'n', 't', 'e', 'r'}
	_ = dhcpv6.Protocol().NewDatagram().Parse(sensor.Segment{Data: solicit}, func(m sensor.Message) {
		fmt.Println(m.(*dhcpv6.Message).Headline())
	})
	// Output:
	// solicit 02:00:5e:00:53:01 printer
}
