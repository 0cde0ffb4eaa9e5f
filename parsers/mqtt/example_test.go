package mqtt_test

import (
	"bytes"
	"fmt"
	"log"

	"flowscope/parsers/mqtt"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// What is published on any port, from a capture made on the spot.
func Example() {
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:9999").Open()
	t.Send(build.Fwd, []byte("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04demo"))
	t.Send(build.Rev, []byte("\x20\x02\x00\x00"))
	t.Send(build.Fwd, []byte("\x32\x0b\x00\x03a/b\x00\x0720.5"))
	t.Send(build.Rev, []byte("\x40\x02\x00\x07"))
	t.Close(build.Fwd)

	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(c.File(build.Format{})))
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, mqtt.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		switch m := ev.Msg.(type) {
		case *mqtt.Publish:
			fmt.Printf("%s: %d bytes\n", m.Topic, m.PayloadBytes)
		case *mqtt.Ack:
			fmt.Println(m.Kind, m.Reason, m.RTT)
		}
	}
	// Output:
	// a/b: 4 bytes
	// puback success 100µs
}
