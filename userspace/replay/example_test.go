package replay_test

import (
	"fmt"
	"io"
	"log"
	"strings"

	"flowscope/sensor"
	"flowscope/userspace/replay"
)

// capture is a pcap file of one packet: a UDP datagram from 10.0.0.1 port 1000
// to 10.0.0.2 port 53 that says "hello".
const capture = "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00" +
	"\x00\x10\x5e\x5f\x00\x00\x00\x00\x2f\x00\x00\x00\x2f\x00\x00\x00" +
	"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00" +
	"\x45\x00\x00\x21\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02" +
	"\x03\xe8\x00\x35\x00\x0d\x00\x00hello"

func ExampleNewReader() {
	src, err := replay.NewReader(replay.Options{}, "hello.pcap", strings.NewReader(capture))
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for {
		var r sensor.Record
		err := src.Read(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Time, r.Key.AddrPort(r.From), "→", r.Key.AddrPort(1-r.From), string(r.Payload))
	}
	// Output:
	// 2020-09-13T12:26:40.000000000Z 10.0.0.1:1000 → 10.0.0.2:53 hello
}
