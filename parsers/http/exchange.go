package http

import "flowscope/sensor"

// exchange is a request and its response. When both are told, the parser uses it
// for the next; it never leaves its flow.
type exchange struct {
	request   Request
	response  Response
	text      []byte // holds what the two point to
	body      [2][]byte
	headAt    sensor.Timestamp // when the request's head was complete
	endAt     sensor.Timestamp // when the request was
	ended     bool             // the request is
	asked     bool             // the request was told, or there is none
	answered  bool             // the response was told, or none is waited for
	noBody    bool             // HEAD
	connect   bool             // CONNECT
	simple    bool             // HTTP/0.9
	kept      int              // bytes of text that count
	forgotten bool             // the request's fields were given up
}

// keep copies b behind the text and returns the copy.
func (x *exchange) keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	n := len(x.text)
	x.text = append(x.text, b...)
	return x.text[n:len(x.text):len(x.text)]
}

// maxText is the largest text that is kept for the next exchange.
const maxText = 2 << 10

// exchange returns an exchange of which nothing is known.
func (p *parser) exchange() *exchange {
	x := p.spare
	p.spare = nil
	if x == nil {
		return new(exchange)
	}
	x.clearRequest() // a response is cleared when it comes
	x.text = x.text[:0]
	x.body[0], x.body[1] = x.body[0][:0], x.body[1][:0]
	x.headAt, x.endAt, x.kept = 0, 0, 0
	x.ended, x.asked, x.answered = false, false, false
	x.noBody, x.connect, x.simple, x.forgotten = false, false, false, false
	return x
}

func (x *exchange) clearRequest() {
	headers := x.request.Headers[:0]
	x.request = Request{}
	x.request.Headers = headers
}

func (x *exchange) clearResponse() {
	headers := x.response.Headers[:0]
	x.response = Response{}
	x.response.Headers = headers
}

// release lets an exchange be used again once both sides of it are told.
func (p *parser) release(x *exchange) {
	if !x.asked || !x.answered {
		return
	}
	if cap(x.text) > maxText {
		x.text = nil
	}
	for i := range x.body {
		if cap(x.body[i]) > maxText {
			x.body[i] = nil
		}
	}
	p.spare = x
}

// pending is the queue of requests that wait for their responses, oldest first.
type pending struct {
	queue []*exchange
	first [2]*exchange // what queue is at first
	head  int          // index of the oldest in queue
	kept  int          // bytes of their fields
}

func (p *pending) len() int { return len(p.queue) - p.head }

// front returns the oldest, or nil.
func (p *pending) front() *exchange {
	if p.len() == 0 {
		return nil
	}
	return p.queue[p.head]
}

// push adds a request. What is over the limit on fields is forgotten.
func (p *pending) push(x *exchange) {
	if p.head > 0 && len(p.queue) == cap(p.queue) {
		n := copy(p.queue, p.queue[p.head:])
		clear(p.queue[n:])
		p.queue, p.head = p.queue[:n], 0
	}
	if p.queue == nil {
		p.queue = p.first[:0]
	}
	x.kept = len(x.text)
	p.kept += x.kept
	x.forgotten = p.kept > maxKept
	p.queue = append(p.queue, x)
}

func (p *pending) pop() *exchange {
	x := p.queue[p.head]
	p.queue[p.head] = nil
	p.head++
	p.kept -= x.kept
	x.kept = 0
	if p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
	}
	return x
}

// forget gives up the fields of a request that was told and has to wait.
func (p *pending) forget(x *exchange) {
	if x.forgotten && x.asked && !x.answered {
		x.request = Request{}
		x.text, x.body[0] = nil, nil
		p.kept -= x.kept
		x.kept = 0
	}
}

// last returns the newest, or nil.
func (p *pending) last() *exchange {
	if p.len() == 0 {
		return nil
	}
	return p.queue[len(p.queue)-1]
}
