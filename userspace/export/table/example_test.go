package table_test

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/export/table"
)

// query says in one line what it is about.
type query struct{ name string }

func (q *query) Headline() string { return "A " + q.name }

func Example() {
	sink := table.New(os.Stdout, table.Options{Width: 90})
	flow := &sensor.Flow{ID: 1, App: "dns", Last: sensor.Timestamp(4 * time.Millisecond), End: sensor.EndIdle}
	flow.Key, flow.Initiator = sensor.NewKey(sensor.ProtoUDP, netip.MustParseAddrPort("10.0.0.2:5353"), netip.MustParseAddrPort("10.0.0.1:53"))
	flow.Counters = [2]sensor.Counters{{Bytes: 62}, {Bytes: 94}}
	for _, ev := range []*sensor.Event{
		{Kind: sensor.FlowMessage, Flow: flow, App: "dns", Msg: &query{"a.example"}},
		{Kind: sensor.FlowEnd, Flow: flow},
	} {
		if err := sink.Consume(ev); err != nil {
			fmt.Println(err)
		}
	}
	if err := sink.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	//  FLOW (client -> server)           APP   WHAT (messages)       A->B     B->A     DUR  END
	//  10.0.0.2:5353 -> 10.0.0.1:53/udp  dns   A a.example           62 B     94 B     4ms  idle
	//
	//  1970-01-01    MESSAGE
	//  00:00:00.000  10.0.0.2:5353 -> 10.0.0.1:53/udp  dns   A a.example
	//
	//  TOTAL  1 flow, 1 message
}
