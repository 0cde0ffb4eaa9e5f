package postgres_test

import (
	"bytes"
	"fmt"
	"log"

	"flowscope/parsers/postgres"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// The statements of a connection, from a capture made on the spot.
func Example() {
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:9999").Open()
	t.Send(build.Fwd, []byte("\x00\x00\x00\x13\x00\x03\x00\x00user\x00shop\x00\x00"))
	t.Send(build.Rev, []byte("R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I"))
	t.Send(build.Fwd, []byte("Q\x00\x00\x00\x28SELECT * FROM item WHERE name='tea'\x00"))
	t.Send(build.Rev, []byte("C\x00\x00\x00\x0dSELECT 2\x00Z\x00\x00\x00\x05I"))
	t.Close(build.Fwd)

	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(c.File(build.Format{})))
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*postgres.Statement](src, postgres.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(m.Msg.Text), m.Msg.Rows, m.Msg.Transaction, m.Msg.Duration)
	}
	// Output:
	// SELECT * FROM item WHERE name=? 2 idle 100µs
}
