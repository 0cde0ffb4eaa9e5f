package dns

import "testing"

func TestHeadline(t *testing.T) {
	tests := []struct {
		name string
		msg  Message
		want string
	}{
		{"query", Message{Kind: KindQuery, Type: 1, Name: []byte("a.example")}, "A a.example"},
		{"answer", Message{Kind: KindResponse, Type: 1, Name: []byte("a.example"), RCode: "NOERROR",
			Answers: []Record{{Data: []byte("b.example")}, {Data: []byte("192.0.2.1")}}}, "A a.example -> 192.0.2.1"},
		{"error", Message{Kind: KindResponse, Type: 28, Name: []byte("a.example"), RCode: "NXDOMAIN"}, "AAAA a.example -> NXDOMAIN"},
		{"no data", Message{Kind: KindResponse, Type: 28, Name: []byte("a.example"), RCode: "NOERROR"}, "AAAA a.example -> no answer"},
		{"unanswered", Message{Kind: KindUnanswered, Type: 12, Name: []byte("a.example")}, "PTR a.example unanswered"},
	}
	for _, tt := range tests {
		if got := tt.msg.Headline(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
