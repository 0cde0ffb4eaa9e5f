// Package memo is the example of docs/write-a-parser.md: a parser of a small
// protocol that stores notes. It is not used by the sensor.
package memo

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"flowscope/sensor"
)

// Request is what a client asks for.
type Request struct {
	Verb []byte `json:"verb"`
	Name []byte `json:"name"`
	Body []byte `json:"body,omitempty"`
}

// Reply is what the server says to the oldest request without a reply.
type Reply struct {
	Status []byte        `json:"status"`
	Body   []byte        `json:"body,omitempty"`
	RTT    time.Duration `json:"rtt,omitempty"` // since the request
}

const (
	maxLine    = 128
	maxBody    = 64 << 10
	maxWaiting = 32 // requests without a reply
)

var (
	errLine    = errors.New("memo: line of more than 128 bytes")
	errSize    = errors.New("memo: size is no number up to 65536")
	errWaiting = errors.New("memo: more than 32 requests without a reply")
)

// head returns the words of the line at the front of b, and how long the line
// and the body behind it are. line is 0 if b is too short to tell.
func head(b []byte) (verb, rest []byte, line, body int, err error) {
	end := bytes.Index(b[:min(len(b), maxLine)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= maxLine {
			err = errLine
		}
		return nil, nil, 0, 0, err
	}
	verb, rest, _ = bytes.Cut(b[:end], []byte(" "))
	if string(verb) == "PUT" || string(verb) == "HAVE" {
		i := bytes.LastIndexByte(rest, ' ')
		body, err = strconv.Atoi(string(rest[i+1:]))
		if err != nil || body < 0 || body > maxBody {
			return nil, nil, 0, 0, errSize
		}
		rest = rest[:max(i, 0)]
	}
	return verb, rest, end + 2, body, nil
}

// parser is the state of one flow. Its zero value is ready.
type parser struct {
	waiting []sensor.Timestamp // of requests without a reply
}

// Parse implements sensor.StreamParser.
func (p *parser) Parse(s sensor.Segment, emit func(sensor.Message)) (n int, err error) {
	for {
		b := s.Data[n:]
		verb, rest, line, body, err := head(b)
		if err != nil || line == 0 || len(b) < line+body {
			return n, err // with a nil error: need more
		}
		n += line + body
		if s.Side == sensor.Initiator {
			if len(p.waiting) == maxWaiting {
				return n, errWaiting
			}
			p.waiting = append(p.waiting, s.Time)
			emit(&Request{Verb: verb, Name: rest, Body: b[line : line+body]})
			continue
		}
		reply := Reply{Status: verb, Body: b[line : line+body]}
		if len(p.waiting) > 0 {
			reply.RTT = s.Time.Sub(p.waiting[0])
			p.waiting = p.waiting[:copy(p.waiting, p.waiting[1:])]
		}
		emit(&reply)
	}
}

// probe recognises a client by its first word.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	for _, verb := range []string{"PUT ", "GET ", "DEL "} {
		if n := min(len(data), len(verb)); string(data[:n]) == verb[:n] {
			switch i := bytes.IndexByte(data, '\n'); {
			case i < 0 && len(data) < maxLine:
				return sensor.Unsure
			case i > 0 && data[i-1] == '\r' && !bytes.Contains(data[:i], []byte(" HTTP/")):
				return sensor.MatchInitiator
			}
		}
	}
	return sensor.No
}

// Protocol returns the protocol for the engine.
func Protocol() sensor.Protocol {
	return sensor.Protocol{
		Name:      "memo",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{7007},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{} },
		MaxBuffer: maxLine + maxBody,
	}
}
