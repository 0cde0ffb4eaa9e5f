package captures

import (
	"fmt"
	"time"

	"flowscope/testdata/build"
)

func snaplen54() *build.Capture {
	c := build.New()
	c.Snaplen = 54
	t := c.TCP("10.0.30.1:40001", "10.0.30.2:80").Open()
	get := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	t.Send(fwd, get).Send(rev, build.Text("not captured", 20_000)).Close(fwd)
	u := c.UDP("10.0.30.1:40002", "10.0.30.2:9999")
	u.Send(fwd, build.Text("datagram", 900)).Send(rev, build.Text("datagram", 12)) // 12 bytes fit
	return c
}

func timeJump() *build.Capture {
	c := build.New()
	c.Step = time.Millisecond
	t := c.TCP("10.0.31.1:40001", "10.0.31.2:7777").Open()
	u := c.UDP("10.0.31.1:40002", "10.0.31.2:9999")
	t.Send(fwd, build.Text("now", 500))
	u.Send(fwd, []byte("now"))
	for _, jump := range []time.Duration{-time.Hour, 30 * 365 * 24 * time.Hour} {
		c.After(jump)
		t.Data(rev, build.Text("then", 400))
		c.After(-jump)
		u.Send(rev, []byte("now again"))
		t.Send(fwd, build.Text("now", 500))
	}
	t.Close(fwd)
	t.Flow.Note = "ts_start and ts_end are minimum and maximum of the packets' times"
	return c
}

func longFlow() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.32.1:40001", "10.0.32.2:7777").Open()
	for i := range 100 {
		c.At(time.Duration(i) * time.Minute)
		t.Data(fwd, fmt.Appendf(nil, "tick %d\n", i)).Data(rev, fmt.Appendf(nil, "tock %d\n", i))
	}
	t.Close(fwd)
	t.Flow.Note = "interim records follow from the active timeout"
	return c
}
