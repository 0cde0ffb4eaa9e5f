package jsonl_test

import (
	"fmt"
	"net/netip"
	"os"

	"flowscope/sensor"
	"flowscope/userspace/export/jsonl"
)

// query is a message as a parser emits it.
type query struct {
	Name string `json:"name"`
}

func Example() {
	sink := jsonl.New(os.Stdout, jsonl.Options{})
	flow := &sensor.Flow{ID: 1}
	flow.Key, flow.Initiator = sensor.NewKey(sensor.ProtoUDP, netip.MustParseAddrPort("10.0.0.2:5353"), netip.MustParseAddrPort("10.0.0.1:53"))

	// The engine calls Consume; what the network sent cannot break the line.
	err := sink.Consume(&sensor.Event{Kind: sensor.FlowMessage, Flow: flow, App: "dns", Msg: &query{Name: "a.example\n\x1b[31m"}})
	if err == nil {
		err = sink.Close()
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output: {"type":"message","v":1,"ts":"1970-01-01T00:00:00.000000000Z","src_ip":"10.0.0.2","dst_ip":"10.0.0.1","src_port":5353,"dst_port":53,"proto":"udp","ip_proto":17,"community_id":"1:UtwpeWB9MeSPWL1sb3p0GyRkaWg=","flow_id":1,"side":"initiator","app":"dns","dns":{"name":"a.example\n\u001b[31m"}}
}
