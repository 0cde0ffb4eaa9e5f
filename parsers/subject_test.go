package parsers_test

import (
	"testing"

	"flowscope/parsers/dhcp"
	"flowscope/parsers/dhcpv6"
	"flowscope/parsers/dns"
	"flowscope/parsers/http"
	"flowscope/parsers/http2"
	"flowscope/parsers/mqtt"
	"flowscope/parsers/postgres"
	"flowscope/parsers/quic"
	"flowscope/parsers/smtp"
	"flowscope/parsers/ssh"
	"flowscope/parsers/tls"
	"flowscope/sensor"
)

// TestSubjects says which messages name what their flow is about.
func TestSubjects(t *testing.T) {
	name := []byte("name")
	tests := []struct {
		message sensor.Subject
		about   string
	}{
		{&dhcp.Message{HostName: name, FQDN: []byte("name.example")}, "name"},
		{&dhcp.Message{FQDN: name}, "name"},
		{&dhcp.Message{}, ""},
		{&dhcpv6.Message{FQDN: name}, "name"},
		{&dns.Message{Name: name}, "name"},
		{&http.Request{Host: name}, "name"},
		{&http.Response{Host: name}, "name"},
		{&http2.Request{Host: name}, "name"},
		{&http2.Response{Host: name}, "name"},
		{&http2.Call{Host: name}, "name"},
		{&mqtt.Connect{ClientID: name}, "name"},
		{&postgres.Startup{User: name, Database: []byte("shop")}, "name@shop"},
		{&quic.ClientHello{ClientHello: tls.ClientHello{SNI: name}}, "name"},
		{&smtp.Greeting{Host: name}, "name"},
		{&ssh.Handshake{Server: name}, "name"},
		{&tls.ClientHello{SNI: name}, "name"},
	}
	for _, tt := range tests {
		if got := tt.message.About(); got != tt.about {
			t.Errorf("%T is about %q, want %q", tt.message, got, tt.about)
		}
		if m, ok := tt.message.(sensor.SubjectBytes); ok && string(m.AboutBytes()) != tt.about {
			t.Errorf("%T is about the bytes %q, want %q", tt.message, m.AboutBytes(), tt.about)
		}
	}
}
