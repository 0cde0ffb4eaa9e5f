package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Truth is what a capture holds, by construction. Lengths and offsets are in
// bytes; byte counts are true to the wire, not to what was captured.
type Truth struct {
	Capture string `json:"capture"`
	About   string `json:"about"`
	Frames  int    `json:"frames"` // that can be read from the file
	// Cut says that the file ends in the middle of a record.
	Cut bool `json:"cut,omitempty"`
	// Dropped counts the frames that belong to no flow, by reason.
	Dropped map[string]int `json:"dropped,omitempty"`
	// Flows are in order of their first frame. Of tunnels they are the inner ones.
	Flows []*Flow `json:"flows"`
	// Outer are the flows of the tunnels themselves, where they are IP. Their
	// payload is not stated.
	Outer []*Flow `json:"outer_flows,omitempty"`
}

// Flow is the truth of one flow.
type Flow struct {
	Proto string `json:"proto"`
	// Initiator and Responder are address:port. For ICMP the port is the type
	// of the sender's message, and of its counterpart (or the code).
	Initiator string   `json:"initiator"`
	Responder string   `json:"responder"`
	Start     string   `json:"ts_start"`
	End       string   `json:"ts_end"`
	VLAN      []uint16 `json:"vlan,omitempty"`
	Tunnel    string   `json:"tunnel,omitempty"`
	TunnelID  uint32   `json:"tunnel_id,omitempty"`
	State     string   `json:"state,omitempty"` // as Zeek's conn_state; of TCP only
	EndReason string   `json:"end_reason"`
	App       string   `json:"app,omitempty"`
	// Anomalies are the oddities that are in the packets, by name.
	Anomalies []string  `json:"anomalies,omitempty"`
	Forward   Direction `json:"fwd"`
	Reverse   Direction `json:"rev"`
	Messages  []Message `json:"messages,omitempty"`
	Note      string    `json:"note,omitempty"`

	first, last int64
}

// Direction is the truth of one direction of a flow.
type Direction struct {
	Counters
	Stream *Stream `json:"stream,omitempty"` // of TCP
}

// Counters count packets and bytes as sensor.Counters does.
type Counters struct {
	Packets      uint64 `json:"packets"`
	Bytes        uint64 `json:"bytes"`
	FrameBytes   uint64 `json:"frame_bytes"`
	PayloadBytes uint64 `json:"payload_bytes"`
}

// Stream is one direction of a TCP connection after reassembly.
type Stream struct {
	Length int64  `json:"length"` // gaps included
	SHA256 string `json:"sha256"` // of the bytes that were captured, in order, gaps left out
	Gaps   []Gap  `json:"gaps,omitempty"`
}

// Gap is a piece of a stream that is not in the capture.
type Gap struct {
	Offset int64 `json:"offset"`
	Bytes  int64 `json:"bytes"`
}

// Message is an application message that was put into a flow. Fields are what
// the script knows of it, named for a reader; they are no export schema.
type Message struct {
	Side   string         `json:"side"`
	App    string         `json:"app"`
	Fields map[string]any `json:"fields,omitempty"`
}

// Say records that side s sent an application message.
func (f *Flow) Say(s Side, app string, fields map[string]any) {
	f.App = app
	f.Messages = append(f.Messages, Message{s.String(), app, fields})
}

// Odd records an anomaly.
func (f *Flow) Odd(name string) {
	if !slices.Contains(f.Anomalies, name) {
		f.Anomalies = append(f.Anomalies, name)
	}
}

// Direction returns what side s sent.
func (f *Flow) Direction(s Side) *Direction {
	if s == Fwd {
		return &f.Forward
	}
	return &f.Reverse
}

// String returns "initiator" or "responder".
func (s Side) String() string { return [...]string{"initiator", "responder"}[s] }

func (f *Flow) count(s Side, now int64, n Counters) {
	if f.Forward.Packets+f.Reverse.Packets == 0 || now < f.first {
		f.first = now
		f.Start = stamp(now)
	}
	if f.last == 0 || now > f.last {
		f.last = now
		f.End = stamp(now)
	}
	d := f.Direction(s)
	d.Packets += n.Packets
	d.Bytes += n.Bytes
	d.FrameBytes += n.FrameBytes
	d.PayloadBytes += n.PayloadBytes
}

func stamp(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// Truth returns the truth about the capture as it is now.
func (c *Capture) Truth() *Truth {
	for _, t := range c.tcp {
		t.seal()
	}
	t := &Truth{Frames: len(c.frames), Flows: slices.Clone(c.flows), Outer: joined(c.outer)}
	c.idle()
	if c.torn {
		t.Frames, t.Cut = t.Frames-1, true
	}
	if t.Flows == nil {
		t.Flows = []*Flow{}
	}
	if len(c.dropped) > 0 {
		t.Dropped = c.dropped
	}
	return t
}

// idle ends the flows that no packet came for until the time of the last frame.
func (c *Capture) idle() {
	if len(c.frames) == 0 {
		return
	}
	end := c.frames[len(c.frames)-1].Time
	for _, f := range c.flows {
		timeout := time.Minute
		switch {
		case f.Proto == "tcp" && (f.State == "S0" || f.State == "SH"):
			timeout = 30 * time.Second
		case f.Proto == "tcp":
			timeout = time.Hour
		}
		if f.EndReason == "shutdown" && end-f.last > int64(timeout) {
			f.EndReason = "idle"
		}
	}
}

// joined makes one flow of those with the same endpoints: a tunnel is one flow,
// whatever it carries.
func joined(flows []*Flow) (out []*Flow) {
	for _, f := range flows {
		i := slices.IndexFunc(out, func(o *Flow) bool {
			return o.Proto == f.Proto && o.Initiator == f.Initiator && o.Responder == f.Responder
		})
		if i < 0 {
			one := *f
			out = append(out, &one)
			continue
		}
		for s := range Side(2) {
			out[i].count(s, f.first, f.Direction(s).Counters)
		}
		out[i].count(Fwd, f.last, Counters{})
	}
	return out
}

// JSON returns the truth as it is kept in a file.
func (t *Truth) JSON() []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(t); err != nil {
		panic(err) // only maps of plain values are in it
	}
	return []byte(b.String())
}

// model is the naive reassembler: one byte and one "seen" for each offset.
type model struct {
	bytes []byte
	seen  []bool
	end   int64 // offset behind the last byte known to have been sent
	shut  int64 // offset of the FIN, -1 if there is none
}

// put says that data, of which only the first captured bytes are in the file,
// was sent at off. It reports whether bytes came again and differ.
func (m *model) put(off int64, data []byte, captured int) (conflict bool) {
	for i := range data {
		o := off + int64(i)
		if o < 0 || m.shut >= 0 && o >= m.shut {
			continue
		}
		m.end = max(m.end, o+1)
		for int64(len(m.bytes)) <= o {
			m.bytes, m.seen = append(m.bytes, 0), append(m.seen, false)
		}
		switch {
		case i >= captured:
		case !m.seen[o]:
			m.bytes[o], m.seen[o] = data[i], true
		case m.bytes[o] != data[i]:
			conflict = true
		}
	}
	return conflict
}

func (m *model) stream() *Stream {
	s := &Stream{Length: m.end}
	if m.shut >= 0 {
		s.Length = m.shut
	}
	h := sha256.New()
	for o := int64(0); o < s.Length; o++ {
		if o < int64(len(m.seen)) && m.seen[o] {
			h.Write(m.bytes[o : o+1])
			continue
		}
		if n := len(s.Gaps); n > 0 && s.Gaps[n-1].Offset+s.Gaps[n-1].Bytes == o {
			s.Gaps[n-1].Bytes++
		} else {
			s.Gaps = append(s.Gaps, Gap{o, 1})
		}
	}
	s.SHA256 = hex.EncodeToString(h.Sum(nil))
	return s
}
