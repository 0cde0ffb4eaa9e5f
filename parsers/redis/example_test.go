package redis_test

import (
	"bytes"
	"fmt"
	"log"

	"flowscope/parsers/redis"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// How long each command took. A capture is made on the spot; for captures in
// files there is replay.Open.
func Example() {
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:7000").Open()
	t.Send(build.Fwd, []byte("*3\r\n$3\r\nSET\r\n$5\r\nuser1\r\n$6\r\nsecret\r\n"))
	t.Send(build.Rev, []byte("+OK\r\n"))
	t.Send(build.Fwd, []byte("*2\r\n$4\r\nINCR\r\n$5\r\nuser1\r\n"))
	t.Send(build.Rev, []byte("-ERR value is not an integer or out of range\r\n"))
	t.Close(build.Fwd)
	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(c.File(build.Format{})))
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*redis.Reply](src, redis.Protocol()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Msg.Headline(), m.Msg.RTT)
	}
	// Output:
	// SET user1 → simple 100µs
	// INCR user1 → error ERR 100µs
}
