#!/bin/sh
# Records what chronyd answers to ntpdig and chronyd (Debian packages
# ntpsec-ntpdig, chrony), in a network namespace of its own, and writes it as
# transcripts: the payload of each packet, without addresses and ports. Run as root:
#
#	parsers/ntp/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
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
listening 123
sleep 1

# record NAME COMMAND...
record() {
	name=$1
	shift
	capture "$name" 'udp port 123'
	timeout 10 "$@" >/dev/null 2>&1 || :
	captured
	transcript "$name" datagram 123 hex "$(chronyd --version | sed 's/ (+.*//') and: $*"
}

echo '1 SHA1 000102030405060708090a0b0c0d0e0f10111213' >ntpdig.keys
record ntpdig ntpdig -p 2 127.0.0.1
record ntpdig_key ntpdig -k ntpdig.keys -a 1 127.0.0.1
record chronyd chronyd -Q -t 8 -f /dev/null 'server 127.0.0.1 key 1 iburst maxsamples 2' "keyfile $tmp/keys" "pidfile $tmp/client"
record chronyd_wrong_key chronyd -Q -t 3 -f /dev/null 'server 127.0.0.1 key 1 iburst' "keyfile $tmp/wrong" "pidfile $tmp/client"
