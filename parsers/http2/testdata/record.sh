#!/bin/sh
# Records what curl says to nginx (Debian packages curl and nginx-light), and to
# a server of Go that takes upgrades, and a gRPC client to its server
# (testdata/record/http2), in a network namespace of its own, and writes it as
# transcripts: the payload of each packet, without addresses and ports. Run as
# root:
#
#	parsers/http2/testdata/record.sh
#
# ../../testdata/lib.sh says how it works. It needs Go, too.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
if [ -z "${programs-}" ]; then # outside, where Go may ask for modules
	programs=$(mktemp -d)
	export programs
	(cd "$lib/../../testdata/record" && go build -o "$programs/http2" ./http2)
fi
alone "$@"
cleanup() { rm -rf "$programs"; }
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
		listen 127.0.0.1:8080 http2;
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
head -c 5000 /dev/zero >conf
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
"$programs/http2" server 127.0.0.1:8082 &
echo $! >server.pid
listening 8080 8081 8082

# record NAME ABOUT PORT COMMAND...: one connection. Of an upgrade, what is HTTP/1.1
# is left out: that is for another parser.
record() {
	name=$1 about=$2 port=$3
	shift 3
	capture "$name" "tcp port $port"
	"$@" >/dev/null || :
	captured
	transcript "$name" stream "$port" upgraded "$about"
}

curl="$(curl --version | cut -d' ' -f1,2 | head -n1)"
nginx="$(nginx -v 2>&1 | sed 's/.*: //')"
url=http://127.0.0.1:8080
record nginx "$curl and $nginx" 8080 curl -s --http2-prior-knowledge -b session=hidden -u user:hidden "$url/moved"
record nginx_go "golang.org/x/net/http2 and $nginx: files, HEAD, redirect, gzip, POST, and three at one time" 8080 \
	"$programs/http2" get 127.0.0.1:8080
url=http://127.0.0.1:8082
record go_upgrade "$curl --http2 and golang.org/x/net/http2/h2c, behind the upgrade" 8082 \
	curl -s --http2 "$url/first"
record go_trailers "$curl and golang.org/x/net/http2/h2c: trailers" 8082 \
	curl -s --http2-prior-knowledge -T conf "$url/b"
record grpc "calls of google.golang.org/grpc" 50051 "$programs/http2" grpc 127.0.0.1:50051
# What tshark makes of it, for TestTshark: a line for each HEADERS frame.
tshark -r nginx_go.pcap -Y http2.type==1 -T fields -E occurrence=l -e http2.streamid -e http2.headers.method -e http2.headers.path \
	-e http2.headers.status -e http2.headers.user_agent -e http2.headers.content_type 2>/dev/null >"$out/nginx_go.tshark"
