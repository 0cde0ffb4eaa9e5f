package smtp

import (
	"bytes"

	"flowscope/sensor"
)

// Limits.
const (
	maxLine       = 12288    // bytes of a line (RFC 4954, 4)
	maxArgument   = 256      // bytes of an argument or a text that are kept
	maxPending    = 1024     // commands that wait for their replies
	maxKept       = 64 << 10 // bytes of their arguments
	maxRecipients = 64       // that are shown
	maxEnvelope   = 16 << 10 // bytes of an envelope, and of capabilities
	maxChunk      = 1 << 40  // bytes of BDAT
)

// Protocol returns SMTP. It is recognised on any port.
func Protocol() sensor.Protocol {
	return sensor.Protocol{
		Name:      "smtp",
		Transport: sensor.ProtoTCP,
		Ports:     []uint16{25, 587, 24, 2525},
		Probe:     probe,
		NewStream: func() sensor.StreamParser { return &parser{} },
		MaxBuffer: 64 << 10, // what a client sends before it may is kept
	}
}

// probe wants a greeting that names SMTP, or a client's first command.
func probe(_ sensor.Side, data []byte) sensor.Verdict {
	if len(data) == 0 {
		return sensor.Unsure
	}
	line, _, complete := bytes.Cut(data[:min(len(data), maxProbe)], []byte{'\n'})
	for _, c := range line {
		if c < ' ' && c != '\r' && c != '\t' || c == 0x7f {
			return sensor.No
		}
	}
	if data[0] >= '0' && data[0] <= '9' {
		return probeReply(line, complete)
	}
	for _, verb := range []string{"EHLO ", "HELO ", "LHLO ", "MAIL FROM:"} {
		n := min(len(line), len(verb))
		if !equalFold(line[:n], verb[:n]) {
			continue
		}
		switch {
		case n == len(verb):
			return sensor.MatchInitiator
		case !complete:
			return sensor.Unsure
		}
	}
	return sensor.No
}

// maxProbe is how much of the first line is looked at.
const maxProbe = 512

// probeReply judges a first line that begins with a digit.
func probeReply(line []byte, complete bool) sensor.Verdict {
	greets := false
	for _, code := range []string{"220", "421", "554"} {
		n := min(len(line), len(code))
		greets = greets || string(line[:n]) == code[:n]
	}
	switch {
	case !greets || len(line) > 3 && line[3] != ' ' && line[3] != '-' && line[3] != '\r':
		return sensor.No
	case len(line) < 4 || !complete && len(line) < maxProbe:
		return sensor.Unsure
	}
	smtp := false
	for word := range bytes.FieldsFuncSeq(line[4:], func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' }) {
		switch {
		case equalFold(word, "FTP") || equalFold(word, "FTPD"):
			return sensor.Unsure
		case equalFold(word, "SMTP") || equalFold(word, "ESMTP") || equalFold(word, "LMTP") || equalFold(word, "ESMTPSA"):
			smtp = true
		}
	}
	if smtp {
		return sensor.MatchResponder
	}
	return sensor.Unsure // FTP, or SMTP: the client tells
}

// equalFold compares with a text in capitals, without regard to the case of ASCII
// letters.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
