# What the record.sh of the parsers share. A script begins with
#
#	set -eu
#	. "$(dirname "$0")/../../testdata/lib.sh"
#	alone "$@"
#
# and is then in a temporary directory, which goes at the end together with the
# processes whose ids are in its files *.pid; a function cleanup comes before.
# Transcripts are written to the directory of the script, or to $OUT, and the captures
# they are made of to $KEEP, if that is set. The captures of namespaces need root, tcpdump,
# tshark and python3. Afterwards, SENSORTEST_UPDATE=1 go test writes what the parser
# makes of the transcripts; read the difference.
here=$(cd "$(dirname "$0")" && pwd)
lib=$(cd "$here/../../testdata" && pwd)
out=${OUT:-$here}
tmp=$(mktemp -d)
cleanup() { :; }
trap 'cleanup; kill $(cat "$tmp"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$tmp"' EXIT
cd "$tmp"
chmod 755 "$tmp" # for servers that become another user

# alone "$@": go on in a network namespace of its own, with loopback.
alone() {
	if [ "${1-}" != inside ]; then
		cd / && rm -rf "$tmp"
		exec unshare --net "$here/record.sh" inside
	fi
	ip link set lo up
}

# listening PORT...: wait for servers.
listening() {
	for port in "$@"; do
		until ss -ltun | grep -q ":$port "; do sleep 0.1; done
	done
}

# capture NAME FILTER [INTERFACE]: tcpdump, until captured.
capture() {
	capturing=$1
	rm -f tcpdump.log
	tcpdump -q -i "${3-lo}" -U --immediate-mode -w "$1.pcap" "$2" 2>tcpdump.log &
	echo $! >tcpdump.pid
	until grep -qs listening tcpdump.log; do sleep 0.1; done
}
captured() {
	sleep 0.5
	kill "$(cat tcpdump.pid)"
	wait "$(cat tcpdump.pid)" || :
	rm -f tcpdump.pid
	if [ -n "${KEEP-}" ]; then cp "$capturing.pcap" "$KEEP/"; fi
}

# transcript NAME stream|datagram SERVER-PORT STYLE ABOUT: what was captured, without
# addresses and ports; of streams the first, or that of the number $STREAM. STYLE is
# hex; text, where a segment is all text; mixed, for text among bytes; or upgraded, hex
# without what is HTTP/1.1 before it.
transcript() {
	fields='-e _ws.col.Source -e udp.srcport -e udp.dstport -e udp.payload'
	only=udp
	if [ "$2" = stream ]; then
		fields='-e _ws.col.Source -e tcp.srcport -e tcp.dstport -e tcp.payload -e tcp.flags.fin'
		only="tcp.stream == ${STREAM-0} && !tcp.analysis.retransmission"
	fi
	{
		printf '# Recorded by record.sh: %s\n%s\n' "$5" "$2"
		# shellcheck disable=SC2086
		tshark -r "$1.pcap" -T fields -e frame.time_relative $fields -Y "$only" 2>/dev/null | python3 "$lib/transcript.py" "$3" "$4"
	} | sed "s|$tmp|.|g" >"$out/$1.transcript"
}

# relayed NAME PORT TO ABOUT [LIMIT]: testdata/record/tcp between a client, which
# connects to PORT, and the server on port TO: one connection, of which the first
# LIMIT bytes of each side are kept. relay_done waits for its end.
relayed() {
	[ -e tcp ] || (cd "$lib/../../testdata/record" && go build -o "$tmp/tcp" ./tcp)
	# shellcheck disable=SC2086
	./tcp "127.0.0.1:$2" "127.0.0.1:$3" "$out/$1.transcript" "$4" ${5-} &
	relay=$!
	listening "$2"
}
relay_done() { wait "$relay"; }
