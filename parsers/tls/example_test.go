package tls_test

import (
	"fmt"
	"log"

	"flowscope/parsers/tls"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// Which servers are asked for in a capture, and by what kind of client.
func Example() {
	src, err := replay.Open(replay.Options{}, "../../testdata/tls.pcap")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*tls.ClientHello](src, tls.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		hello := m.Msg
		fmt.Printf("%s %v %s\n", hello.SNI, hello.Version, hello.JA4)
	}
	// Output:
	// cdn.example.net TLS 1.3 t13d1312h2_f57a46bbacb6_ab7e3b40a677
	// bank.example TLS 1.3 t13d131100_f57a46bbacb6_ab7e3b40a677
	// bank.example TLS 1.3 t13d131100_f57a46bbacb6_ab7e3b40a677
	// api.example.com TLS 1.3 t13d131100_f57a46bbacb6_ab7e3b40a677
	// mail.example.org TLS 1.3 t13d131100_f57a46bbacb6_ab7e3b40a677
	// intranet.example TLS 1.3 t13d131100_f57a46bbacb6_ab7e3b40a677
}
