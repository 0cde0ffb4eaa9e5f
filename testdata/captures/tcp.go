package captures

import (
	"bytes"
	"time"

	"flowscope/testdata/build"
)

func loss() *build.Capture {
	c := build.New()
	c.Step = time.Millisecond

	// One record in the middle is never seen; the receiver has got it.
	t := c.TCP("10.0.1.1:40001", "10.0.1.2:5678").Open()
	for i := range 6 {
		body := build.Text("record", 200)
		if i == 2 {
			t.Lose(fwd, append([]byte("PFX2,\x00\xc8"), body...))
			continue
		}
		t.Send(fwd, pfx(t, fwd, body, false))
	}
	t.Close(fwd)

	// A segment is lost on the way and sent again 200 ms later.
	t = c.TCP("10.0.1.1:40002", "10.0.1.2:80").Open()
	t.Send(fwd, request(t, "GET", "example.com", "/late", "", ""))
	page := response(t, 200, "OK", "text/plain", build.Text("late", 8000))
	t.Pieces(rev, page[:1400])
	t.Ack(fwd)
	t.Lose(rev, page[1400:2800]).Hold(rev, 1400)
	t.Pieces(rev, page[2800:5600], 1400)
	t.Ack(fwd).Ack(fwd)
	c.After(200 * time.Millisecond)
	t.Again(rev, 1400, page[1400:2800]).Hold(rev, -1).Ack(fwd)
	t.Send(rev, page[5600:])
	t.Close(rev)

	// The first segment of the request is missing.
	t = c.TCP("10.0.1.1:40003", "10.0.1.2:80").Open()
	t.Lose(fwd, []byte("GET /first HTTP/1.1\r\nHost: example.com\r\n"))
	t.Send(fwd, []byte("Accept: */*\r\n\r\n"))
	t.Send(rev, response(t, 204, "No Content", "text/plain", nil))
	t.Close(fwd)

	// The last bytes before the FIN are missing.
	t = c.TCP("10.0.1.1:40004", "10.0.1.2:7777").Open()
	t.Send(fwd, build.Text("tail", 3000))
	t.Lose(fwd, build.Text("gone", 500))
	t.Close(fwd)

	// Both directions lose, several times.
	t = c.TCP("10.0.1.1:40005", "10.0.1.2:7777").Open()
	for i := range 10 {
		a, b := build.Text("there", 300+i), build.Text("back", 400+i)
		if i%4 == 1 {
			t.Lose(fwd, a)
		} else {
			t.Send(fwd, a)
		}
		if i%5 == 2 {
			t.Lose(rev, b)
		} else {
			t.Send(rev, b)
		}
	}
	t.Close(rev)
	return c
}

func reorder() *build.Capture {
	c := build.New()
	data := build.Text("order", 4000)
	// piece sends bytes a to b of data without moving on.
	piece := func(t *build.TCP, a, b int) { t.Again(fwd, int64(a), data[a:b]) }

	t := c.TCP("10.0.2.1:40001", "10.0.2.2:7777").Open()
	t.Lose(fwd, data)
	for _, at := range []int{0, 1000, 500, 1500, 2500, 2000, 3000, 3500} {
		piece(t, at, at+500)
	}
	t.Ack(rev).Close(fwd)

	t = c.TCP("10.0.2.1:40002", "10.0.2.2:7777").Open()
	t.Lose(fwd, data)
	for at := 3500; at >= 0; at -= 500 {
		piece(t, at, at+500)
	}
	t.Ack(rev).Close(fwd)

	// The last segment comes behind the FIN.
	t = c.TCP("10.0.2.1:40003", "10.0.2.2:7777").Open()
	t.Lose(fwd, data)
	piece(t, 0, 3500)
	t.Fin(fwd, nil)
	piece(t, 3500, 4000)
	t.Ack(rev).Fin(rev, nil).Ack(fwd)
	t.Flow.State, t.Flow.EndReason = "SF", "fin"

	// The answer was captured before the question.
	t = c.TCP("10.0.2.1:40004", "10.0.2.2:7777")
	t.Packet(rev, build.SYN|build.ACK, -1, nil).Packet(fwd, build.SYN, -1, nil).Ack(fwd)
	t.Send(fwd, data).Send(rev, data).Close(rev)
	return c
}

func duplicates() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.3.1:40001", "10.0.3.2:7777")
	t.Packet(fwd, build.SYN, -1, nil)
	c.After(time.Second)
	t.Packet(fwd, build.SYN, -1, nil)
	t.Packet(rev, build.SYN|build.ACK, -1, nil).Packet(rev, build.SYN|build.ACK, -1, nil)
	t.Ack(fwd).Ack(fwd)
	data := build.Text("twice", 3000)
	t.Data(fwd, data[:1000]).Again(fwd, 0, data[:1000])
	t.Data(fwd, data[1000:2000])
	// What was sent, with more behind it; what was sent, cut elsewhere.
	t.Again(fwd, 1500, data[1500:2500]).Lose(fwd, data[2000:2500])
	t.Again(fwd, 300, data[300:700]).Data(fwd, data[2500:]).Ack(rev)
	t.Send(rev, []byte("done\n"))
	t.Fin(fwd, nil)
	t.Packet(fwd, build.FIN|build.ACK, 3000, nil)
	t.Fin(rev, nil)
	t.Packet(rev, build.FIN|build.ACK, 5, nil)
	t.Ack(fwd)
	t.Flow.State, t.Flow.EndReason = "SF", "fin"
	return c
}

func overlap() *build.Capture {
	c := build.New()
	data := build.Text("overlap", 2000)
	other := bytes.ToUpper(data)

	t := c.TCP("10.0.4.1:40001", "10.0.4.2:7777").Open()
	t.Lose(fwd, data)
	t.Again(fwd, 0, data[:800]).Again(fwd, 400, data[400:1200]) // in order
	t.Again(fwd, 1600, data[1600:2000]).Again(fwd, 1500, data[1500:1700])
	t.Again(fwd, 1100, data[1100:1900]) // fills the hole and covers what is held
	t.Ack(rev).Close(fwd)
	t.Flow.Note = "the overlapping bytes are the same"

	// The same, but the overlapping bytes differ: what came first is kept.
	t = c.TCP("10.0.4.1:40002", "10.0.4.2:7777").Open()
	t.Lose(fwd, data)
	t.Again(fwd, 0, data[:800]).Again(fwd, 400, other[400:1200])
	t.Again(fwd, 1200, data[1200:2000])
	t.Ack(rev).Close(fwd)
	t.Flow.Note = "the overlapping bytes differ, in order; what came first is kept"

	t = c.TCP("10.0.4.1:40003", "10.0.4.2:7777").Open()
	t.Lose(fwd, data)
	t.Again(fwd, 0, data[:500])
	t.Again(fwd, 1000, data[1000:1500]).Again(fwd, 900, other[900:1600]) // around what is held
	t.Again(fwd, 400, other[400:1000])
	t.Again(fwd, 1600, data[1600:])
	t.Ack(rev).Close(fwd)
	t.Flow.Note = "the overlapping bytes differ, out of order"
	return c
}

func wraparound() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.5.1:40001", "10.0.5.2:7777")
	t.ISN = [2]uint32{0xfffffc00, 0xffffffff} // the responder's first byte has number 0
	t.Open()
	data := build.Text("wrap", 4000)
	t.Send(fwd, data[:800]).Lose(fwd, data[800:3200])
	t.Again(fwd, 1600, data[1600:2400]).Again(fwd, 800, data[800:1600]).Again(fwd, 2400, data[2400:3200]).Ack(rev)
	t.Send(fwd, data[3200:]).Send(rev, data)
	t.Close(fwd)

	// The hole is at the wrap and is not filled.
	t = c.TCP("10.0.5.1:40002", "10.0.5.2:7777")
	t.ISN = [2]uint32{0xffffff00, 0xffffff00}
	t.Open()
	t.Send(fwd, data[:200]).Lose(fwd, data[200:300]).Send(fwd, data[300:1000])
	t.Send(rev, data[:500])
	t.Close(rev)
	return c
}

func midstream() *build.Capture {
	c := build.New()
	// Well-known port; the server is seen first.
	t := c.TCP("10.0.6.1:40001", "10.0.6.2:80")
	t.Send(rev, build.Text("rest of a body", 1000))
	t.Send(fwd, request(t, "GET", "example.com", "/next", "", ""))
	t.Send(rev, response(t, 200, "OK", "text/plain", build.Text("next", 500)))
	t.Close(fwd)

	// Neither port says anything; who is seen first is the initiator.
	t = c.TCP("10.0.6.1:40002", "10.0.6.2:47777")
	t.Send(fwd, build.Text("middle", 700)).Send(rev, build.Text("middle", 300))
	t.Flow.State = "OTH"

	// From the SYN-ACK on.
	t = c.TCP("10.0.6.1:40003", "10.0.6.2:47778")
	t.Packet(rev, build.SYN|build.ACK, -1, nil).Ack(fwd)
	t.Send(fwd, build.Text("middle", 700)).Send(rev, build.Text("middle", 300)).Close(fwd)
	t.Flow.State = ""
	return c
}

func portReuse() *build.Capture {
	c := build.New()
	for i := range 3 {
		t := c.TCP("10.0.7.1:40001", "10.0.7.2:7777")
		t.ISN = [2]uint32{1000 + uint32(i)*1_000_000, 5000 + uint32(i)*1_000_000}
		t.Open()
		t.Send(fwd, build.Text("request", 100*(i+1))).Send(rev, build.Text("response", 1000*(i+1)))
		if i != 1 { // the second is never closed
			t.Close(fwd)
		} else {
			t.Flow.EndReason = "reused"
		}
		c.After(2 * time.Second)
	}
	return c
}

func reset() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.8.1:40001", "10.0.8.2:7777").Open()
	t.Send(fwd, build.Text("request", 500)).Send(rev, build.Text("response", 100)).Reset(rev)

	t = c.TCP("10.0.8.1:40002", "10.0.8.2:7777").Open()
	t.Send(fwd, build.Text("request", 500)).Send(rev, build.Text("response", 100))
	t.Packet(rev, build.RST, 1_000_000_000, nil).Packet(fwd, build.RST, -5000, nil)
	t.Flow.Odd("rst_out_of_window")
	t.Send(rev, build.Text("more", 3000)).Close(rev)
	t.Flow.Note = "two forged RSTs outside the window change nothing"

	t = c.TCP("10.0.8.1:40003", "10.0.8.2:7777")
	t.Packet(fwd, build.SYN, -1, nil).Reset(rev)
	t.Flow.State = "REJ"

	t = c.TCP("10.0.8.1:40004", "10.0.8.2:7777").Open()
	t.Send(fwd, build.Text("request", 500)).Reset(fwd)
	return c
}

func late() *build.Capture {
	c := build.New()
	c.Step = 10 * time.Millisecond
	t := c.TCP("10.0.9.1:40001", "10.0.9.2:7777").Open()
	t.Send(fwd, build.Text("request", 500)).Send(rev, build.Text("response", 900)).Close(fwd)
	t.Again(rev, 400, build.Text("response", 900)[400:]).Ack(fwd)
	t.Packet(rev, build.FIN|build.ACK, 900, nil).Ack(fwd)

	t = c.TCP("10.0.9.1:40002", "10.0.9.2:7777").Open()
	t.Send(fwd, build.Text("request", 500)).Reset(rev)
	t.Again(fwd, 500, build.Text("too late", 300))
	t.Packet(rev, build.RST, 0, nil)
	return c
}

func keepAlive() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.10.1:40001", "10.0.10.2:7777").Open()
	t.Send(fwd, build.Text("request", 500)).Send(rev, build.Text("response", 900))
	for i := range 4 {
		c.After(60 * time.Second)
		probe := []byte(nil)
		if i%2 == 1 { // one byte of garbage, RFC 9293, 3.8.4
			probe = []byte{0}
		}
		t.Packet(fwd, build.ACK, t.Sent(fwd)-1, probe).Ack(rev)
	}
	t.Flow.Anomalies = nil // the garbage byte is no inconsistent overlap
	t.Send(fwd, build.Text("again", 100)).Close(fwd)
	return c
}

func synData() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.11.1:40001", "10.0.11.2:80")
	get := request(t, "GET", "example.com", "/fast", "", "")
	t.Packet(fwd, build.SYN, -1, get).Lose(fwd, get)
	page := response(t, 200, "OK", "text/plain", build.Text("fast", 300))
	t.Packet(rev, build.SYN|build.ACK, -1, page[:100]).Lose(rev, page[:100])
	t.Ack(fwd).Send(rev, page[100:]).Close(rev)

	// The receiver does not take the data in the SYN: it is sent again.
	t = c.TCP("10.0.11.1:40002", "10.0.11.2:80")
	get = request(t, "GET", "example.com", "/slow", "", "")
	t.Packet(fwd, build.SYN, -1, get)
	t.Packet(rev, build.SYN|build.ACK, -1, nil).Ack(fwd)
	t.Send(fwd, get).Send(rev, response(t, 204, "No Content", "text/plain", nil)).Close(rev)
	return c
}

func urgent() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.12.1:40001", "10.0.12.2:7777").Open()
	t.Send(fwd, build.Text("before", 100))
	t.Urgent = 3
	t.Packet(fwd, build.URG|build.PSH|build.ACK, 100, []byte("ab!")).Lose(fwd, []byte("ab!"))
	t.Send(fwd, build.Text("behind", 100)).Close(fwd)
	t.Flow.Note = "the urgent byte is part of the stream"
	return c
}

func simultaneous() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.13.1:40001", "10.0.13.2:40002")
	t.Packet(fwd, build.SYN, -1, nil).Packet(rev, build.SYN, -1, nil)
	t.Packet(fwd, build.SYN|build.ACK, -1, nil).Packet(rev, build.SYN|build.ACK, -1, nil)
	t.Send(fwd, build.Text("here", 300)).Send(rev, build.Text("there", 400))
	t.Hold(fwd, 300).Hold(rev, 400) // neither FIN has seen the other
	t.Fin(fwd, nil).Fin(rev, nil)
	t.Hold(fwd, -1).Hold(rev, -1).Ack(fwd).Ack(rev)
	t.Flow.State, t.Flow.EndReason = "SF", "fin"
	return c
}

func halfClose() *build.Capture {
	c := build.New()
	t := c.TCP("10.0.14.1:40001", "10.0.14.2:7777").Open()
	t.Send(fwd, build.Text("question", 200)).Fin(fwd, nil).Ack(rev)
	c.After(3 * time.Second)
	t.Send(rev, build.Text("answer", 20_000)).Fin(rev, []byte("end\n")).Ack(fwd)
	t.Flow.State, t.Flow.EndReason = "SF", "fin"
	return c
}

func scan() *build.Capture {
	c := build.New()
	c.Step = 5 * time.Millisecond
	for port := range 40 {
		t := c.TCP("192.0.2.66:61000", addr("198.51.100.7", 20+port))
		t.Packet(fwd, build.SYN, -1, nil)
		t.Flow.State = "S0"
		if port%3 == 0 {
			t.Reset(rev)
			t.Flow.State = "REJ"
		}
	}
	t := c.TCP("192.0.2.66:61001", "198.51.100.7:22")
	t.Packet(fwd, 0, 0, nil)
	return c
}
