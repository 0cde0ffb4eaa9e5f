#!/bin/sh
# Records what mosquitto_pub and mosquitto_sub say to mosquitto (Debian packages
# mosquitto and mosquitto-clients), in a network namespace of its own, and writes
# it as transcripts: the payload of each packet, without addresses and ports. Run
# as root:
#
#	parsers/mqtt/testdata/record.sh
#
# It needs tcpdump, tshark and python3 too. Afterwards, SENSORTEST_UPDATE=1 go test
# writes what the parser makes of it; read the difference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${1-}" != inside ]; then
	exec unshare --net "$0" inside
fi
tmp=$(mktemp -d)
trap 'kill $(cat "$tmp"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$tmp"' EXIT
ip link set lo up
cd "$tmp"
: >passwords
mosquitto_passwd -b passwords alice hidden1
cat >mosquitto.conf <<'EOT'
listener 1883 127.0.0.1
allow_anonymous true
password_file passwords
max_topic_alias 10
user root
EOT
mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
echo $! >mosquitto.pid
until ss -ltn | grep -q :1883; do sleep 0.1; done

# record NAME ABOUT COMMAND...: what is said while a command runs, on its first
# connection.
record() {
	name=$1 about=$2
	shift 2
	rm -f tcpdump.log
	tcpdump -q -i lo -U --immediate-mode -w "$name.pcap" "tcp port 1883" 2>tcpdump.log &
	echo $! >tcpdump.pid
	until grep -qs listening tcpdump.log; do sleep 0.1; done
	"$@" >/dev/null 2>&1 || :
	sleep 0.5
	kill "$(cat tcpdump.pid)"
	wait "$(cat tcpdump.pid)" || :
	rm -f tcpdump.pid
	if [ -n "${KEEP-}" ]; then cp "$name.pcap" "$KEEP/"; fi
	{
		echo "# Recorded by record.sh: mosquitto $(mosquitto -h | sed -n 's/^mosquitto version //p'): $about"
		echo stream
		tshark -r "$name.pcap" -T fields -e frame.time_relative -e tcp.dstport -e tcp.payload -e tcp.flags.fin -Y "tcp.stream == 0 && !tcp.analysis.retransmission" 2>/dev/null |
			awk -F'\t' '$3 != "" || $4 == 1' |
			python3 -c '
import sys
last, closed = 0, ""
def go(b):
    out, i = [], 0
    while i < len(b):
        j = i
        while j < len(b) and 32 <= b[j] < 127: j += 1
        if j - i >= 4:
            out.append("\"%s\"" % b[i:j].decode().replace("\\", "\\\\").replace("\"", "\\\""))
            i = j
            continue
        k = i + 1
        while k < len(b):
            j = k
            while j < len(b) and 32 <= b[j] < 127: j += 1
            if j - k >= 4: break
            k = max(j, k + 1)
        out.append(b[i:k].hex())
        i = k
    return out
for line in sys.stdin:
    t, port, data, fin = line.rstrip("\n").split("\t")
    us = round(float(t) * 1e6)
    if us > last: print("+%dus" % (us - last))
    last = us
    side = mark = ">" if port == "1883" else "<"
    row = ""
    for piece in go(bytes.fromhex(data)):
        if row and len(row) + len(piece) > 100:
            print(side, row); side = " "; row = ""
        row += (" " if row else "") + piece
    if row: print(side, row)
    if fin == "1" and mark not in closed: print(mark, "eof"); closed += mark
'
	} >"$here/$name.transcript"
}

# both VERSION: a client subscribes, is told of three messages, and leaves.
both() {
	mosquitto_sub -V "$1" -i reader -k 60 -q 2 -t 'home/+/temperature' -t 'none/#' -U 'none/#' --will-topic home/reader --will-payload gone -C 3 -W 10 &
	sub=$!
	sleep 0.5
	for q in 0 1 2; do mosquitto_pub -V "$1" -q $q -t home/kitchen/temperature -m "2$q.5"; done
	wait $sub || :
}
record sub311 'a subscriber of MQTT 3.1.1, with a will' both 311
record sub5 'a subscriber of MQTT 5, with a will' both 5
record sub31 'a subscriber of MQTT 3.1, with a will' both 31
printf 'one\ntwo\nthree\n' >lines
record pub311 'a publisher of MQTT 3.1.1 with a password, QoS 2' mosquitto_pub -V 311 -i pub -u alice -P hidden1 -q 2 -t a/b -r -f lines
record pub5 'a publisher of MQTT 5: topic alias, properties, three messages of QoS 1' sh -c 'mosquitto_pub -V 5 -i pub -u alice -P hidden1 -q 1 -t a/b/c -l -D publish topic-alias 5 -D publish content-type text/plain -D publish user-property a b <lines'
record refused5 'MQTT 5 with a wrong password' mosquitto_pub -V 5 -i pub -u alice -P wrong1 -q 1 -t a -m b
record refused311 'MQTT 3.1.1 with a wrong password' mosquitto_pub -V 311 -i pub -u alice -P wrong1 -q 1 -t a -m b
record ping 'a subscriber that has nothing to hear' timeout 16 mosquitto_sub -V 5 -k 5 -t quiet -W 13
