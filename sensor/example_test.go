package sensor_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"flowscope/sensor"
)

// lines is a parser of lines of text. It keeps nothing between two calls: what
// it does not consume comes again.
type lines struct{}

type line struct {
	Text string `json:"text"`
}

func (lines) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	for {
		i := bytes.IndexByte(s.Data[n:], '\n')
		if i < 0 {
			return n, nil // need more
		}
		emit(&line{Text: string(s.Data[n : n+i])})
		n += i + 1
	}
}

// A parser consumes what it understands and says how much that was.
func ExampleStreamParser() {
	protocol := sensor.Protocol{
		Name:      "lines",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{7777},
		NewStream: func() sensor.StreamParser { return lines{} },
	}

	p := protocol.NewStream()
	data := []byte("one\ntwo\nthr")
	n, err := p.Parse(sensor.Segment{Side: sensor.Initiator, Data: data}, func(m sensor.Message) {
		fmt.Println(m.(*line).Text)
	})
	fmt.Printf("%q is left, %v\n", data[n:], err)
	// Output:
	// one
	// two
	// "thr" is left, <nil>
}

// Both directions of a flow have one Key.
func ExampleNewKey() {
	client, server := netip.MustParseAddrPort("192.0.2.7:40000"), netip.MustParseAddrPort("192.0.2.1:443")
	there, from := sensor.NewKey(sensor.ProtoTCP, client, server)
	back, _ := sensor.NewKey(sensor.ProtoTCP, server, client)
	fmt.Println(there == back, "sent by", there.AddrPort(from))
	// Output: true sent by 192.0.2.7:40000
}

// A Community ID is the same in Zeek, Suricata and here.
func ExampleFlow_CommunityID() {
	key, from := sensor.NewKey(sensor.ProtoUDP, netip.MustParseAddrPort("192.168.1.52:54585"), netip.MustParseAddrPort("8.8.8.8:53"))
	flow := sensor.Flow{Key: key, Initiator: from}
	fmt.Println(flow.CommunityID(0))
	// Output: 1:d/FP5EW3wiY1vCndhwleRRKHowQ=
}

// The books of a stage balance, or Check says which do not.
func ExampleLedger() {
	var l sensor.Ledger
	l.Add(sensor.Account{Stage: "frames", Unit: "packets", Total: 100, Rows: []sensor.Row{
		{Name: "accounted", Count: 97},
		{Name: "malformed", Count: 2},
	}})
	fmt.Println(l.Check())
	// Output: ledger frames: 100 packets in, 99 accounted for
}

// Times are those of packets.
func ExampleTimestamp() {
	query := sensor.UnixTimestamp(1_700_000_000, 0)
	response := query.Add(1500 * time.Microsecond)
	fmt.Println(response, response.Sub(query))
	// Output: 2023-11-14T22:13:20.001500000Z 1.5ms
}
