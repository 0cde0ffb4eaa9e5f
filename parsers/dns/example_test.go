package dns_test

import (
	"fmt"

	"flowscope/parsers/dns"
	"flowscope/sensor"
)

// A program that gets datagrams from elsewhere can use the parser without the
// engine.
func Example() {
	parser := dns.UDP().NewDatagram()
	print := func(m sensor.Message) {
		d := m.(*dns.Message)
		fmt.Printf("%s %s %v %s", d.Kind, d.Name, d.Type, d.RCode)
		for _, rr := range d.Answers {
			fmt.Printf(" %s", rr.Data)
		}
		fmt.Println(" ", d.RTT)
	}
	query := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01"
	answer := "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01" +
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"
	_ = parser.Parse(sensor.Segment{Side: sensor.Initiator, Time: 0, Data: []byte(query)}, print)
	_ = parser.Parse(sensor.Segment{Side: sensor.Responder, Time: 25e6, Data: []byte(answer)}, print)
	// Output:
	// query example.org A   0s
	// response example.org A NOERROR 192.0.2.7  25ms
}
