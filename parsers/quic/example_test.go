package quic_test

import (
	"fmt"
	"log"

	"flowscope/parsers/quic"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// Which servers are asked for over QUIC in the demonstration capture, and by
// what kind of client.
func Example() {
	src, err := replay.Open(replay.Options{}, "../../testdata/demo.pcapng.zst")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*quic.ClientHello](src, quic.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		hello := m.Msg
		fmt.Printf("%s %v %s %s\n", hello.SNI, hello.QUIC, hello.ALPN, hello.JA4)
	}
	// Output:
	// video.example.com QUIC v1 [h3] q13d0313h3_55b375c5d22e_f902b76752af
}
