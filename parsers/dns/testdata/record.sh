#!/bin/sh
# Records what dig and dnsmasq (Debian packages bind9-dnsutils, dnsmasq-base) say
# to each other, in a network namespace of its own, and writes it as transcripts:
# the payload of each packet, without addresses and ports. Run as root:
#
#	parsers/dns/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --port=53 --listen-address=127.0.0.1 \
	--bind-interfaces --user=root --pid-file="$tmp/dnsmasq.pid" --local-ttl=300 \
	--local=/example.test/ --edns-packet-max=1232 \
	--address=/www.example.test/192.0.2.80 --address=/www.example.test/2001:db8::80 \
	--cname=alias.example.test,www.example.test --host-record=www.example.test,192.0.2.80,2001:db8::80 \
	--mx-host=example.test,mail.example.test,10 --mx-host=example.test,mail2.example.test,20 \
	--txt-record=example.test,"v=spf1 -all","second string; with \"quotes\"" \
	--srv-host=_sip._udp.example.test,sip.example.test,5060,1,2 \
	--naptr-record=example.test,100,10,U,E2U+sip,'!^.*$!sip:info@example.test!',. \
	--caa-record=example.test,0,issue,ca.example.test \
	--ptr-record=80.2.0.192.in-addr.arpa,www.example.test \
	--dns-rr=example.test,65,00010000010003026832 --dns-rr=example.test,65280,deadbeef

about="$(dig -v 2>&1) and $(dnsmasq --version | sed 's/  .*//;q')."
q() { dig @127.0.0.1 -b 127.0.0.1#5000 +tries=1 +timeout=1 "$@" >/dev/null || :; }

capture dig_dnsmasq 'udp port 53'
q www.example.test A
q www.example.test AAAA
q alias.example.test A
q example.test MX +bufsize=4096 +dnssec
q example.test TXT
q _sip._udp.example.test SRV +noedns
q example.test NAPTR
q example.test CAA
q -x 192.0.2.80
q example.test HTTPS +subnet=192.0.2.0/24
q example.test TYPE65280 +nsid
q none.example.test A +cookie=0011223344556677
q . NS +norecurse
q elsewhere.invalid A +nocookie
q version.bind TXT -c CH
q WwW.ExAmPlE.tEsT A +cdflag +adflag
captured
transcript dig_dnsmasq datagram 53 hex "$about"

capture dig_dnsmasq_tcp 'tcp port 53'
printf 'www.example.test A\nexample.test MX\nexample.test TXT\n' >"$tmp/batch"
dig @127.0.0.1 +tcp +keepopen +timeout=1 -f "$tmp/batch" >/dev/null || :
captured
transcript dig_dnsmasq_tcp stream 53 hex "$about"
