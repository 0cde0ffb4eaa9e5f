#!/bin/sh
# Records what busybox udhcpc and ISC dhclient ask dnsmasq (Debian packages busybox,
# isc-dhcp-client, dnsmasq-base), in network namespaces of their own, and writes it
# as transcripts: the payload of each packet, without addresses and ports. Run as
# root:
#
#	parsers/dhcp/testdata/record.sh
#
# ../../testdata/lib.sh says how it works. What is one transcript here
# was several flows, but for the renewals.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
unshare --net sleep 60 &
echo $! >client.pid
sleep 0.5
client="nsenter --net=/proc/$(cat client.pid)/ns/net"
ip link add server type veth peer name client
ip link set client address 02:00:5e:00:53:01
ip link set client netns "$(cat client.pid)"
ip addr add 192.0.2.1/24 dev server
ip link set server up
$client ip link set client up
dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --port=0 --interface=server --bind-interfaces --user=root --no-ping \
	--pid-file="$tmp/dnsmasq.pid" --dhcp-leasefile="$tmp/leases" --dhcp-authoritative \
	--dhcp-range=192.0.2.100,192.0.2.150,255.255.255.0,10m --domain=example.test \
	--dhcp-option=option:ntp-server,192.0.2.3,192.0.2.4 --dhcp-option=option:dns-server,192.0.2.53 \
	--dhcp-option=option:classless-static-route,198.51.100.0/24,192.0.2.9
cat >script <<'SCRIPT'
#!/bin/sh
case $1 in
bound | renew) ip addr replace "$ip/24" dev "$interface" ;;
deconfig) ip addr flush dev "$interface" ;;
esac
SCRIPT
chmod +x script

# record NAME; stop NAME ABOUT.
record() { capture "$1" 'udp port 67' server; }
stop() {
	captured
	transcript "$1" datagram 67 hex "$2, and $(dnsmasq --version | sed 's/  .*//;q')."
}

record udhcpc
$client busybox udhcpc -f -i client -s "$tmp/script" -x hostname:printer -F printer.example.test -V example -t 2 -p "$tmp/udhcpc.pid" >/dev/null 2>&1 &
sleep 1.5
kill -USR1 "$(cat udhcpc.pid)" # renew
sleep 1
kill -USR2 "$(cat udhcpc.pid)" # release
sleep 0.5
kill "$(cat udhcpc.pid)"
stop udhcpc "$(busybox 2>&1 | sed 's/ (.*//;q'): a lease, renewed and released"

record dhclient
printf 'send host-name "laptop"; send dhcp-lease-time 120; send dhcp-requested-address 192.0.2.200;\n' >dhclient.conf
$client timeout 8 dhclient -1 -d -cf dhclient.conf -lf "$tmp/client.leases" -pf "$tmp/dhclient.pid" -sf /bin/true client >/dev/null 2>&1 &
sleep 3
kill "$(cat dhclient.pid)" || :
stop dhclient "$(dhclient --version 2>&1): a lease"
