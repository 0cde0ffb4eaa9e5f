#!/bin/sh
# Records what curl says to nginx, and through it (Debian packages curl and
# nginx-light), in a network namespace of its own, and writes it as transcripts:
# the payload of each packet, without addresses and ports. Run as root:
#
#	parsers/http/testdata/record.sh
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
mkdir -p www/dir
printf 'Hello, world!\n' >www/index.html
i=0
while [ $i -lt 40 ]; do echo "line $i of a text that compresses well"; i=$((i + 1)); done >www/text.txt
cat >nginx.conf <<'EOF'
worker_processes 1;
daemon on;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
	access_log off;
	types { text/html html; text/plain txt; }
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen 127.0.0.1:8080;
		root www;
		if_modified_since before;
		gzip on;
		gzip_types text/plain;
		location /moved { return 302 /index.html?token=abc; }
		location /nothing { return 204; }
		location /post { client_max_body_size 1k; proxy_pass http://127.0.0.1:8081; }
		location /secret { auth_basic x; auth_basic_user_file /dev/null; }
	}
}
EOF
chmod 755 "$tmp"
nginx -p "$tmp" -c nginx.conf
# A backend that reads a body and answers in HTTP/1.0, until it closes.
cat >backend.py <<'EOF'
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(n)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"read %d bytes\n" % len(body))
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", 8081), H).serve_forever()
EOF
python3 backend.py &
echo $! >backend.pid
until ss -ltn | grep -q :8081 && ss -ltn | grep -q :8080; do sleep 0.1; done

# record NAME ABOUT PORT URLS-AND-OPTIONS: one run of curl, which keeps its
# connection.
record() {
	name=$1 about=$2 port=$3
	shift 3
	rm -f tcpdump.log
	tcpdump -q -i lo -U --immediate-mode -w "$name.pcap" "tcp port $port" 2>tcpdump.log &
	echo $! >tcpdump.pid
	until grep -qs listening tcpdump.log; do sleep 0.1; done
	curl -s "$@" >/dev/null || :
	sleep 0.3
	kill "$(cat tcpdump.pid)"
	wait "$(cat tcpdump.pid)" || :
	rm -f tcpdump.pid
	{
		echo "# Recorded by record.sh: $(curl --version | cut -d' ' -f1,2 | head -n1) and $(nginx -v 2>&1 | sed 's/.*: //'): $about"
		echo stream
		tshark -r "$name.pcap" -T fields -e frame.time_relative -e tcp.dstport -e tcp.payload -e tcp.flags.fin 2>/dev/null |
			awk -F'\t' '$3 != "" || $4 == 1' |
			python3 -c '
import sys
last = 0
for line in sys.stdin:
    t, port, data, fin = line.rstrip("\n").split("\t")
    us = round(float(t) * 1e6)
    if us > last: print("+%dus" % (us - last))
    last = us
    b = bytes.fromhex(data)
    side = ">" if port == "'"$port"'" else "<"
    text = all(c in (9, 10, 13) or 32 <= c < 127 for c in b)
    while b:
        n = b.find(b"\n") + 1 if text and b"\n" in b else len(b) if text else 32
        piece, b = b[:n], b[n:]
        if text: piece = "\"%s\"" % piece.decode().replace("\\", "\\\\").replace("\"", "\\\"").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
        else: piece = piece.hex()
        print(side, piece); side = " "
    if fin == "1": print((">" if port == "'"$port"'" else "<"), "eof")
'
	} >"$here/$name.transcript"
}

url=http://127.0.0.1:8080
record nginx 'files, a HEAD, a redirect, one that is not there, chunks of gzip' 8080 \
	-A test/1 "$url/index.html" --next -s -I "$url/text.txt" --next -s "$url/moved" --next -s "$url/none?q=1" \
	--next -s -H 'Accept-Encoding: gzip' "$url/text.txt" --next -s "$url/nothing" --next -s -u user:password "$url/secret" \
	--next -s -H 'If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT' "$url/index.html"
record nginx_post 'POST with a length, with chunks, with Expect, and one that is too large' 8080 \
	-d a=1 "$url/post" --next -s -H 'Transfer-Encoding: chunked' -d b=22 "$url/post?x=1" \
	--next -s -H 'Expect: 100-continue' -d c=333 "$url/post" --next -s -d "$(head -c 1500 /dev/zero | tr '\0' x)" "$url/post"
record nginx_backend 'what nginx says to its backend, in HTTP/1.0' 8081 -d a=1 "$url/post"
