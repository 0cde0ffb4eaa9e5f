package streams_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"flowscope/sensor"
	"flowscope/userspace/export/streams"
)

func Example() {
	parent, err := os.MkdirTemp("", "streams")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "out")

	sink, err := streams.New(dir, streams.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	flow := &sensor.Flow{ID: 1}
	flow.Key, flow.Initiator = sensor.NewKey(sensor.ProtoTCP, netip.MustParseAddrPort("10.0.0.1:4321"), netip.MustParseAddrPort("10.0.0.2:80"))
	// The engine calls Consume, if it was asked for FlowData.
	err = sink.Consume(&sensor.Event{Kind: sensor.FlowData, Flow: flow, Side: sensor.Initiator, Data: []byte("GET / HTTP/1.1\r\n")})
	if err == nil {
		err = sink.Close()
	}
	text, readErr := os.ReadFile(filepath.Join(dir, "010.000.000.001.04321-010.000.000.002.00080"))
	fmt.Printf("%q %v %v\n", text, err, readErr)
	// Output: "GET / HTTP/1.1\r\n" <nil> <nil>
}
