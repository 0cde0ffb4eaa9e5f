#!/bin/sh
# Records what curl says to nginx, and through it (Debian packages curl and
# nginx-light), in a network namespace of its own, and writes it as transcripts:
# the payload of each packet, without addresses and ports. Run as root:
#
#	parsers/http/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
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
listening 8080 8081

# record NAME ABOUT PORT URLS-AND-OPTIONS: one run of curl, which keeps its
# connection.
record() {
	name=$1 about=$2 port=$3
	shift 3
	capture "$name" "tcp port $port"
	curl -s "$@" >/dev/null || :
	captured
	transcript "$name" stream "$port" text "$(curl --version | cut -d' ' -f1,2 | head -n1) and $(nginx -v 2>&1 | sed 's/.*: //'): $about"
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
