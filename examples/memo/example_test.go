package memo_test

import (
	"bytes"
	"fmt"

	"flowscope/examples/memo"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// A capture is made on the spot: on a port that the protocol does not know, with
// a reply in three segments. For captures in files there is replay.Open.
func Example() {
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:9999").Open()
	t.Send(build.Fwd, []byte("PUT shopping 9\r\nmilk, tea"))
	t.Send(build.Rev, []byte("OK\r\n"))
	t.Send(build.Fwd, []byte("GET shopping\r\n"))
	t.Pieces(build.Rev, []byte("HAVE 9\r\nmilk, tea"), 3, 8)
	t.Close(build.Fwd)
	capture := c.File(build.Format{})

	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(capture))
	if err != nil {
		panic(err)
	}
	defer src.Close()
	for ev, err := range engine.Events(src, memo.Protocol()) {
		if err != nil {
			panic(err)
		}
		switch m := ev.Msg.(type) {
		case *memo.Request:
			fmt.Printf("%s %q\n", m.Verb, m.Name)
		case *memo.Reply:
			fmt.Printf("  %s after %v\n", m.Status, m.RTT)
		}
	}
	// Output:
	// PUT "shopping"
	//   OK after 100µs
	// GET "shopping"
	//   HAVE after 200µs
}
