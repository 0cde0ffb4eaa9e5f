#!/bin/sh
# Records what chronyd answers to ntpdig and chronyd (Debian packages
# ntpsec-ntpdig, chrony), in a network namespace of its own, and writes it as transcripts: the payload of each packet, without addresses
# and ports. Run as root:
#
#	parsers/ntp/testdata/record.sh
#
# It needs tcpdump and tshark too. Afterwards, SENSORTEST_UPDATE=1 go test writes
# what the parser makes of it; read the difference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1-}" != inside ]; then
	exec unshare --net "$0" inside
fi
tmp=$(mktemp -d)
trap 'kill $(cat "$tmp"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$tmp"' EXIT
ip link set lo up
cd "$tmp"
printf '1 SHA1 HEX:000102030405060708090a0b0c0d0e0f10111213\n' >keys
echo '1 SHA1 HEX:ff' >wrong
cat >chrony.conf <<CONF
local stratum 3
allow
port 123
cmdport 0
keyfile $tmp/keys
pidfile $tmp/chronyd.pid
bindcmdaddress /
CONF
chronyd -x -u root -d -f chrony.conf >chronyd.log 2>&1 &
until ss -lun | grep -q :123; do sleep 0.1; done
sleep 1

# record NAME COMMAND...
record() {
	name=$1
	shift
	rm -f tcpdump.log
	tcpdump -q -i lo -U --immediate-mode -w "$name.pcap" 'udp port 123' 2>tcpdump.log &
	echo $! >tcpdump.pid
	until grep -qs listening tcpdump.log; do sleep 0.1; done
	timeout 10 "$@" >/dev/null 2>&1 || :
	sleep 0.3
	kill "$(cat tcpdump.pid)"
	wait "$(cat tcpdump.pid)" || :
	rm -f tcpdump.pid
	{
		echo "# Recorded by record.sh with $(chronyd --version | sed 's/ (+.*//') and: $*"
		echo datagram
		tshark -r "$name.pcap" -T fields -e frame.time_relative -e udp.srcport -e udp.dstport -e udp.payload 2>/dev/null |
			awk -F'\t' '{
				us = int($1 * 1000000 + 0.5)
				if (us > last) printf "+%dus\n", us - last
				last = us
				if (port == "") port = $2
				side = $3 == 123 && $2 != 123 ? ">" : "<"
				while (length($4) > 64) { print side, substr($4, 1, 64); side = " "; $4 = substr($4, 65) }
				print side, $4
			}'
	} | sed "s|$tmp|.|g" >"$here/$name.transcript"
}

echo '1 SHA1 000102030405060708090a0b0c0d0e0f10111213' >ntpdig.keys
record ntpdig ntpdig -p 2 127.0.0.1
record ntpdig_key ntpdig -k ntpdig.keys -a 1 127.0.0.1
record chronyd chronyd -Q -t 8 -f /dev/null 'server 127.0.0.1 key 1 iburst maxsamples 2' "keyfile $tmp/keys" "pidfile $tmp/client"
record chronyd_wrong_key chronyd -Q -t 3 -f /dev/null 'server 127.0.0.1 key 1 iburst' "keyfile $tmp/wrong" "pidfile $tmp/client"
