package http_test

import (
	"fmt"
	"log"

	"flowscope/parsers/http"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// The exchanges of a capture: a response knows its request.
func Example() {
	src, err := replay.Open(replay.Options{}, "../../testdata/http_keepalive.pcap")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*http.Response](src, http.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		r := m.Msg
		fmt.Println(r.Headline(), r.BodyBytes, r.RTT)
	}
	// Output:
	// GET / 200 5000 100µs
	// GET /a 200 700 150µs
	// HEAD /b 200 0 200µs
	// GET /chunked 200 600 100µs
	// GET /cached 304 0 100µs
	// POST /cart 100 0 100µs
	// POST /cart 201 11 100µs
	// GET /last 200 3000 100µs
}
