#!/bin/sh
# Records what dig and dnsmasq (Debian packages bind9-dnsutils, dnsmasq-base) say
# to each other, in a network namespace of its own, and writes it as transcripts:
# the payload of each packet, without addresses and ports. Run as root:
#
#	parsers/dns/testdata/record.sh
#
# It needs tcpdump and tshark too. Afterwards, SENSORTEST_UPDATE=1 go test
# writes what the parser makes of it; read the difference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1-}" != inside ]; then
	exec unshare --net "$0" inside
fi
tmp=$(mktemp -d)
trap 'kill $(cat "$tmp"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$tmp"' EXIT
ip link set lo up
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

# record NAME FILTER: tcpdump until stop.
record() {
	tcpdump -q -i lo -U --immediate-mode -w "$tmp/$1.pcap" "$2" 2>"$tmp/$1.log" &
	pid=$!
	echo $pid >"$tmp/$1.pid"
	until grep -qs listening "$tmp/$1.log"; do sleep 0.1; done
}
stop() { sleep 0.5; kill "$pid"; wait "$pid" || :; rm "$tmp/$1.pid"; }

# transcript NAME KIND PROTOCOL FIELD: the payloads of the capture as a transcript.
transcript() {
	{
		echo "# Recorded by record.sh: $(dig -v 2>&1) and $(dnsmasq --version | sed 's/  .*//;q')."
		echo "$2"
		tshark -r "$tmp/$1.pcap" -T fields -e frame.time_relative -e "$3.dstport" -e "$4" |
			awk -F'\t' '$3 != "" {
				us = int($1 * 1000000 + 0.5)
				if (us > last) printf "+%dus\n", us - last
				last = us
				side = $2 == 53 ? ">" : "<"
				while (length($3) > 64) { print side, substr($3, 1, 64); side = " "; $3 = substr($3, 65) }
				print side, $3
			}'
	} >"$here/$1.transcript"
}

q() { dig @127.0.0.1 -b 127.0.0.1#5000 +tries=1 +timeout=1 "$@" >/dev/null || :; }

record dig_dnsmasq 'udp port 53'
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
stop dig_dnsmasq
transcript dig_dnsmasq datagram udp udp.payload

record dig_dnsmasq_tcp 'tcp port 53'
printf 'www.example.test A\nexample.test MX\nexample.test TXT\n' >"$tmp/batch"
dig @127.0.0.1 +tcp +keepopen +timeout=1 -f "$tmp/batch" >/dev/null || :
stop dig_dnsmasq_tcp
transcript dig_dnsmasq_tcp stream tcp tcp.payload
