package http2_test

import (
	"bytes"
	"fmt"
	"testing"

	"flowscope/parsers/http"
	"flowscope/parsers/http2"
	"flowscope/sensor"
	"flowscope/sensor/sensortest"
	"flowscope/testdata/build"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// The calls of gRPC in a capture, on a port that nobody knows. The capture is made
// on the spot; for captures in files there is replay.Open.
func Example() {
	capture := captureOf("testdata/grpc.transcript", nil, nil)
	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(capture))
	if err != nil {
		panic(err)
	}
	defer src.Close()
	for m, err := range engine.Messages[*http2.Call](src, http2.Protocol()) {
		if err != nil {
			panic(err)
		}
		c := m.Msg
		fmt.Println(c.Headline(), c.Code, c.RequestMessages, c.ResponseMessages)
	}
	// Output:
	// example.v1.Echo/Say OK 0 1 1
	// example.v1.Echo/Say OK 0 1 1
	// example.v1.Echo/Say NOT_FOUND 5 1 0
	// example.v1.Echo/Shout UNIMPLEMENTED 12 1 0
	// example.v1.Echo/Say -1 1 0
	// example.v1.Echo/Count OK 0 1 3
	// example.v1.Echo/Talk OK 0 2 2
}

// captureOf makes a capture of a transcript, behind what client and server say first.
func captureOf(path string, client, server []byte) []byte {
	tr := sensortest.Load(noTest{}, path)
	c := build.New()
	t := c.TCP("10.0.0.1:40000", "10.0.0.2:9999").Open()
	if client != nil {
		t.Send(build.Fwd, client)
		t.Send(build.Rev, server)
	}
	for _, s := range tr.Steps {
		if len(s.Data) > 0 {
			t.Send(build.Side(s.Side), s.Data)
		}
	}
	t.Close(build.Fwd)
	return c.File(build.Format{})
}

// noTest is where Load reports that a file is not there.
type noTest struct{ testing.TB }

func (noTest) Helper()                   {}
func (noTest) Fatal(v ...any)            { panic(fmt.Sprint(v...)) }
func (noTest) Fatalf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }

// TestUpgrade: HTTP/1.1 hands over at 101, and the response to the request that asked
// for it comes on stream 1.
func TestUpgrade(t *testing.T) {
	capture := captureOf("testdata/go_upgrade.transcript",
		[]byte("GET /first HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"),
		[]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"))
	src, err := replay.NewReader(replay.Options{}, "capture", bytes.NewReader(capture))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []string
	for ev, err := range engine.Events(src, http.Protocol(), http2.Protocol()) {
		if err != nil {
			t.Fatal(err)
		}
		switch m := ev.Msg.(type) {
		case *http.Request:
			got = append(got, ev.App+" "+m.Headline())
		case *http.Response:
			got = append(got, ev.App+" "+m.Headline())
		case *http2.Response:
			got = append(got, fmt.Sprint(ev.App, " ", m.Stream, " ", m.Headline(), " ", m.Pairing))
			if m.RTT <= 0 {
				t.Error("no response time")
			}
		}
		if ev.Kind == sensor.FlowError {
			t.Error(ev.Err)
		}
	}
	want := []string{"http GET h/first", "http GET /first 101", "http2 1 GET /first 200 "}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}
