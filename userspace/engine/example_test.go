package engine_test

import (
	"context"
	"fmt"
	"log"

	"flowscope/parsers"
	"flowscope/parsers/lengthprefixed"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// What was said in a capture, and what became of each flow.
func ExampleEvents() {
	src, err := replay.Open(replay.Options{}, "../../testdata/length_prefixed.pcap", "../../testdata/scan.pcap")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()

	states := map[sensor.ConnState]int{}
	for ev, err := range engine.Events(src, parsers.All...) {
		if err != nil {
			log.Fatal(err)
		}
		switch ev.Kind {
		case sensor.FlowMessage:
			if r, ok := ev.Msg.(*lengthprefixed.Record); ok {
				fmt.Printf("%v says %.12q\n", ev.Side, r.Body)
			}
		case sensor.FlowEnd:
			states[ev.Flow.State]++
		}
	}
	fmt.Println(states[sensor.SF], "connections,", states[sensor.REJ], "refused,", states[sensor.S0], "without an answer")
	// Output:
	// initiator says "init-0"
	// responder says "resp-0"
	// initiator says "init-1"
	// responder says "resp-1"
	// initiator says "init-2"
	// responder says "resp-2"
	// initiator says "init-3"
	// responder says "resp-3"
	// initiator says "init-4"
	// responder says "XXXXXXXXXXXX"
	// 1 connections, 14 refused, 26 without an answer
}

// One protocol, typed: nothing else is yielded.
func ExampleMessages() {
	src, err := replay.Open(replay.Options{}, "../../testdata/length_prefixed.pcap")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()

	var bytes [2]int
	for said, err := range engine.Messages[*lengthprefixed.Record](src, lengthprefixed.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		bytes[said.Side] += len(said.Msg.Body)
	}
	fmt.Println(bytes[sensor.Initiator], "bytes one way,", bytes[sensor.Responder], "the other")
	// Output: 30 bytes one way, 724 the other
}

// counter is a Sink.
type counter struct{ gaps, lost int64 }

// Consume implements sensor.Sink.
func (c *counter) Consume(ev *sensor.Event) error {
	if ev.Kind == sensor.FlowGap {
		c.gaps++
		c.lost += ev.Lost
	}
	return nil
}

// Run is for programs that want the books as well, caps of their own, or
// several workers.
func ExampleRun() {
	src, err := replay.Open(replay.Options{Stable: true}, "../../testdata/loss.pcap")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()

	var sink counter
	cfg := engine.Config{Protocols: []sensor.Protocol{lengthprefixed.Protocol()}, StreamData: true, MaxFlows: 10_000}
	books, err := engine.Run(context.Background(), src, cfg, 2, &sink)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sink.gaps, "gaps,", sink.lost, "bytes")
	for _, stage := range []string{"frames", "tcp_payload"} {
		a := books.Account(stage)
		fmt.Print(a.Total, " ", a.Unit, ":")
		for _, r := range a.Rows {
			if r.Count > 0 {
				fmt.Print(" ", r.Name, " ", r.Count)
			}
		}
		fmt.Println()
	}
	// Output:
	// 8 gaps, 2471 bytes
	// 92 packets: accounted 92
	// 20137 bytes: delivered 15752 unparsed 1914 gap 2471
}
