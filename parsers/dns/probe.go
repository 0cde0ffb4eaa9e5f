package dns

import (
	"encoding/binary"

	"flowscope/sensor"
)

// probeStream recognises the first message of one side of a stream.
func probeStream(side sensor.Side, data []byte) sensor.Verdict {
	if len(data) < 2 {
		return sensor.Unsure
	}
	size := int(binary.BigEndian.Uint16(data))
	if size < headerSize+5 {
		return sensor.No
	}
	if data = data[2:]; len(data) < size {
		return probeBegun(data)
	}
	return probe(side, data[:size])
}

// probe recognises a whole message, on any port: its header makes sense, its
// counts fit its length, and it has a question that makes sense.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) < headerSize {
		return sensor.No
	}
	if v := probeBegun(data); v != sensor.Unsure {
		return v
	}
	return sensor.No // whole, and yet no question
}

// probeDatagram is probe, and recognises what is unusual too, of which tools to test
// servers are fond: flags that mean nothing in a query, operations that nobody knows, no
// question. Then every byte of the message must have its place.
func probeDatagram(side sensor.Side, data []byte) sensor.Verdict {
	v := probe(side, data)
	if v != sensor.No || !complete(data) {
		return v
	}
	if data[2]&0x80 != 0 {
		return sensor.MatchResponder
	}
	return sensor.MatchInitiator
}

// complete reports whether data is a message to its last byte: questions of known
// classes, and records; or, without a question, nothing but EDNS (RFC 7873, 5.4).
func complete(data []byte) bool {
	if len(data) < headerSize {
		return false
	}
	questions := int(binary.BigEndian.Uint16(data[4:]))
	records := 0
	for at := 6; at < headerSize; at += 2 {
		records += int(binary.BigEndian.Uint16(data[at:]))
	}
	r := reader{msg: data, at: headerSize, end: len(data)}
	switch {
	case questions > 32 || questions == 0 && records != 1:
		return false
	case questions == 0:
		return r.u8() == 0 && Type(r.u16()) == TypeOPT && r.skipRecord() && r.left() == 0
	}
	if first := int(r.u8()); first >= 0x40 || netbios(r.take(first)) {
		return false
	}
	r.at = headerSize
	for range questions {
		r.skipName()
		if t, class := Type(r.u16()), Class(r.u16()); t == 0 || t == TypeOPT || classNames[class&0x7fff] == "" {
			return false
		}
	}
	for range records {
		if r.skipName(); r.u16() == 0 || !r.skipRecord() {
			return false
		}
	}
	return r.reason == "" && r.left() == 0
}

// skipRecord moves behind the class, time to live and data of a record.
func (r *reader) skipRecord() bool {
	r.take(6)
	r.take(int(r.u16()))
	return r.reason == ""
}

// probeBegun is probe for a message of which more may come.
func probeBegun(data []byte) sensor.Verdict {
	if len(data) < headerSize {
		return sensor.Unsure
	}
	flags := binary.BigEndian.Uint16(data[2:])
	response := flags&0x8000 != 0
	questions, answers := binary.BigEndian.Uint16(data[4:]), binary.BigEndian.Uint16(data[6:])
	authorities, additionals := binary.BigEndian.Uint16(data[8:]), binary.BigEndian.Uint16(data[10:])
	opcode := Opcode(flags >> 11 & 15)
	switch {
	case opcodeNames[opcode] == "" || flags&0x40 != 0:
		return sensor.No
	case !response && (flags&0x480 != 0 && opcode == 0 || flags&15 != 0):
		return sensor.No // AA, RA or an error in a query
	case !response && opcode == 0 && (questions == 0 || questions > 32 || authorities > 64 || additionals > 8 || answers > 64):
		return sensor.No
	case response && (questions > 32 || int(answers)+int(authorities)+int(additionals) > 65535/11):
		return sensor.No
	}
	if questions == 0 {
		return probeAnswer(data, flags, answers)
	}
	v := probeQuestion(data)
	switch {
	case v != sensor.Match:
		return v
	case response:
		return sensor.MatchResponder
	}
	return sensor.MatchInitiator
}

// probeQuestion looks at the first question.
func probeQuestion(data []byte) sensor.Verdict {
	r := reader{msg: data, at: headerSize, end: len(data)}
	if v := plausibleName(&r); v != sensor.Match {
		return v
	}
	t, class := Type(r.u16()), Class(r.u16())
	if r.reason != "" {
		return sensor.Unsure
	}
	if t == 0 || t == TypeOPT || classNames[class&0x7fff] == "" || typeNames[t] == "" && class != ClassIN {
		return sensor.No
	}
	return sensor.Match
}

// probeAnswer recognises a response without a question by its first record, as
// multicast DNS has them.
func probeAnswer(data []byte, flags, answers uint16) sensor.Verdict {
	if flags&0x8000 == 0 || answers == 0 {
		return sensor.No
	}
	v := probeQuestion(data) // a record begins as a question does
	if v == sensor.Match {
		return sensor.MatchResponder
	}
	return v
}

// plausibleName moves behind a name that hosts use: it is not compressed, has no
// control characters, and is not that of a NetBIOS name service query, which
// looks like DNS but is not.
func plausibleName(r *reader) sensor.Verdict {
	size := 1
	for {
		if r.left() == 0 {
			return sensor.Unsure
		}
		c := int(r.u8())
		if c == 0 {
			return sensor.Match
		}
		if size += c + 1; c >= 0x40 || size > maxName {
			return sensor.No
		}
		label := r.msg[r.at:min(r.at+c, r.end)]
		for _, b := range label {
			if b < ' ' || b == 0x7f {
				return sensor.No
			}
		}
		if len(label) < c {
			return sensor.Unsure
		}
		if netbios(label) {
			return sensor.No
		}
		r.at += c
	}
}

// netbios reports whether a label is a name of the NetBIOS name service, whose messages
// look like those of DNS, but are not (RFC 1001, 14.1).
func netbios(label []byte) bool {
	if len(label) != 32 {
		return false
	}
	for _, b := range label {
		if b < 'A' || b > 'P' {
			return false
		}
	}
	return true
}
