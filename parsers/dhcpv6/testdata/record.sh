#!/bin/sh
# Records what ISC dhclient and dnsmasq (Debian packages isc-dhcp-client, dnsmasq-base)
# say to each other, directly and through dnsmasq as a relay, and writes it as
# transcripts. Run as root:
#
#	parsers/dhcpv6/testdata/record.sh
#
# ../../testdata/lib.sh says how it works. What is one transcript here was several
# flows: what a client sends goes to a group.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"

# Three hosts: this one is the server; between it and the client is a relay.
for host in client relay; do
	unshare --net sleep 120 &
	echo $! >$host.pid
done
sleep 0.5
client="nsenter --net=/proc/$(cat client.pid)/ns/net"
relay="nsenter --net=/proc/$(cat relay.pid)/ns/net"
ip link add server type veth peer name client
ip link set client address 02:00:5e:00:53:01
ip link set client netns "$(cat client.pid)"
ip link add upper type veth peer name lower
ip link add near type veth peer name far
ip link set near address 02:00:5e:00:53:02
ip link set near netns "$(cat client.pid)"
ip link set far netns "$(cat relay.pid)"
ip link set lower netns "$(cat relay.pid)"
ip -6 addr add 2001:db8:1::1/64 dev server nodad
ip -6 addr add 2001:db8:ff::1/64 dev upper nodad
ip link set server up
ip link set upper up
$relay ip -6 addr add 2001:db8:ff::2/64 dev lower nodad
$relay ip -6 addr add 2001:db8:2::1/64 dev far nodad
for link in lo far lower; do $relay ip link set $link up; done
for link in lo client near; do $client ip link set $link up; done
ip -6 route add 2001:db8:2::/64 via 2001:db8:ff::2 dev upper
sleep 2 # addresses of the links are looked for twice
dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --port=0 --interface=server --interface=upper --bind-dynamic --user=root --no-ping \
	--pid-file="$tmp/dnsmasq.pid" --dhcp-leasefile="$tmp/leases" --dhcp-authoritative --domain=example.test \
	--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,1h --dhcp-range=2001:db8:2::100,2001:db8:2::1ff,64,1h \
	--dhcp-option=option6:dns-server,[2001:db8::53] --dhcp-option=option6:domain-search,example.test,sub.example.test \
	--dhcp-option=option6:ntp-server,[2001:db8::123] --dhcp-option=option6:sntp-server,[2001:db8::124] --dhcp-option=option6:information-refresh-time,2h \
	--dhcp-option=option6:bootfile-url,tftp://[2001:db8::1]/boot
$relay dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --port=0 --bind-dynamic --user=root --pid-file="$tmp/relaying.pid" \
	--dhcp-relay=2001:db8:2::1,2001:db8:ff::1,lower
printf 'send fqdn.fqdn "laptop.example.test."; send fqdn.encoded on; send fqdn.server-update on;
send dhcp6.vendor-class 00:00:7e:d9:00:07:65:78:61:6d:70:6c:65;
also request dhcp6.info-refresh-time, dhcp6.sntp-servers, dhcp6.fqdn;\n' >dhclient.conf

# dhclient SECONDS OPTIONS...
dhclient() {
	seconds=$1
	shift
	$client timeout "$seconds" dhclient -6 -1 -d -cf dhclient.conf -lf "$tmp/client.leases" -pf "$tmp/dhclient.pid" -sf /bin/true "$@" >/dev/null 2>&1 || :
}
about="isc-dhclient $(/usr/sbin/dhclient --version 2>&1 | sed 's/isc-dhclient-//'), $(dnsmasq --version | sed 's/  .*//;q')"

sleep 2
capture dhclient 'udp port 547' server
dhclient 4 client
dhclient 3 -r client
captured
transcript dhclient datagram 547 hex "$about: a lease, given back"

capture information 'udp port 547' server
dhclient 3 -S client
captured
transcript information datagram 547 hex "$about: information only"

: >client.leases
capture prefix 'udp port 547' server
dhclient 4 -P -N client
captured
transcript prefix datagram 547 hex "$about: a prefix is asked for, and there is none"

: >client.leases
capture relay 'udp port 547' upper
dhclient 4 near
captured
transcript relay datagram 547 hex "$about: a lease, seen behind a relay"
