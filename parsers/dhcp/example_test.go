package dhcp_test

import (
	"fmt"

	"flowscope/parsers/dhcp"
	"flowscope/sensor"
)

// A program that gets datagrams from elsewhere can use the parser without the
// engine.
func Example() {
	discover := make([]byte, 240)
	copy(discover, []byte{1, 1, 6, 0})
	copy(discover[28:], []byte{2, 0, 0x5e, 0, 0x53, 1})
	copy(discover[236:], []byte{0x63, 0x82, 0x53, 0x63})
	discover = append(discover, 53, 1, 1, 12, 7, 'p', 'r', 'i', 'n', 't', 'e', 'r', 255)
	_ = dhcp.Protocol().NewDatagram().Parse(sensor.Segment{Data: discover}, func(m sensor.Message) {
		fmt.Println(m.(*dhcp.Message).Headline())
	})
	// Output:
	// discover 02:00:5e:00:53:01 printer
}
