package ntp_test

import (
	"fmt"

	"flowscope/parsers/ntp"
	"flowscope/sensor"
)

// A program that gets datagrams from elsewhere can use the parser without the
// engine.
func Example() {
	parser := ntp.Protocol().NewDatagram()
	show := func(m sensor.Message) { fmt.Println(m.(*ntp.Message).Headline(), m.(*ntp.Message).RTT) }
	request := append([]byte{0x23}, make([]byte, 47)...)
	copy(request[40:], "\xee\xad\xfa\x69random")
	response := append([]byte{0x24, 1, 6, 0xe8}, make([]byte, 44)...)
	copy(response[12:], "GPS")
	copy(response[24:32], request[40:])
	_ = parser.Parse(sensor.Segment{Side: sensor.Initiator, Time: 0, Data: request}, show)
	_ = parser.Parse(sensor.Segment{Side: sensor.Responder, Time: 3e6, Data: response}, show)
	// Output:
	// request v4 0s
	// response v4 stratum 1 GPS 3ms
}
