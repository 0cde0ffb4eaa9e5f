// Package parsers lists the protocols that the sensor parses. It is not the
// place of any parser: each has a package of its own below this one.
package parsers

import (
	"flowscope/parsers/dhcp"
	"flowscope/parsers/dhcpv6"
	"flowscope/parsers/dns"
	"flowscope/parsers/http"
	"flowscope/parsers/http2"
	"flowscope/parsers/lengthprefixed"
	"flowscope/parsers/mqtt"
	"flowscope/parsers/ntp"
	"flowscope/parsers/postgres"
	"flowscope/parsers/quic"
	"flowscope/parsers/redis"
	"flowscope/parsers/smtp"
	"flowscope/parsers/ssh"
	"flowscope/parsers/tls"
	"flowscope/sensor"
)

// All is every protocol of this module, in the order in which they are asked
// about bytes that more than one recognises. It must not be changed; make a
// slice of your own to add or leave out some.
var All = []sensor.Protocol{
	dns.UDP(),
	dns.TCP(),
	dns.Multicast(),
	dns.LLMNR(),
	tls.Protocol(),
	quic.Protocol(),
	ntp.Protocol(),
	dhcp.Protocol(),
	dhcpv6.Protocol(),
	http.Protocol(),
	http2.Protocol(),
	postgres.Protocol(),
	mqtt.Protocol(),
	ssh.Protocol(),
	smtp.Protocol(),
	redis.Protocol(),
	lengthprefixed.Protocol(),
}
