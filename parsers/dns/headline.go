package dns

import "strings"

// Headline says what the message is in a few words: what was asked, and the
// outcome or the first answer.
func (m *Message) Headline() string {
	var b strings.Builder
	b.WriteString(m.Type.String())
	b.WriteByte(' ')
	b.Write(m.Name)
	switch {
	case m.Kind == KindUnanswered:
		b.WriteString(" unanswered")
	case m.Kind != KindResponse:
	case m.RCode != "NOERROR":
		b.WriteString(" -> " + m.RCode)
	case len(m.Answers) > 0:
		b.WriteString(" -> ")
		b.Write(m.Answers[len(m.Answers)-1].Data)
	default:
		b.WriteString(" -> no answer")
	}
	return b.String()
}

// About implements sensor.Subject: the name that is asked for.
func (m *Message) About() string { return string(m.Name) }

// AboutBytes implements sensor.SubjectBytes.
func (m *Message) AboutBytes() []byte { return m.Name }
