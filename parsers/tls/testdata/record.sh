#!/bin/sh
# Records what openssl s_client and s_server (Debian package openssl) say to each
# other, in a network namespace of its own, and writes it as transcripts: the
# payload of each packet, without addresses and ports. Run as root:
#
#	parsers/tls/testdata/record.sh
#
# ../../testdata/lib.sh says how it works. Keys and randoms
# are new each time.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3650 \
	-subj '/C=XX/O=Example, Inc./CN=Example Root' 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -subj '/CN=Other' 2>/dev/null
for name in www client; do
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr \
		-subj "/O=Example/CN=$name.example.test" 2>/dev/null
	printf 'subjectAltName=DNS:%s.example.test,DNS:alias.example.test,IP:192.0.2.1,email:ops@example.test\n' $name >ext
	openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile ext -out $name.pem 2>/dev/null
done

# record NAME ABOUT SERVER-OPTIONS -- CLIENT-OPTIONS: one or two connections. With
# two, the second resumes the session of the first, and is the one that is kept.
record() {
	name=$1 about=$2
	shift 2
	server=
	while [ "$1" != -- ]; do
		server="$server $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	openssl s_server -accept 4433 -cert www.pem -cert_chain ca.pem -key www.key -quiet -naccept 9 $server >/dev/null 2>&1 &
	echo $! >server.pid
	listening 4433
	if [ -n "${resume-}" ]; then
		{ sleep 0.5; echo Q; } | openssl s_client -connect 127.0.0.1:4433 -servername www.example.test -sess_out session "$@" >/dev/null 2>&1 || :
		set -- "$@" -sess_in session
	fi
	capture "$name" 'tcp port 4433'
	{ sleep 0.3; echo Q; } | openssl s_client -connect 127.0.0.1:4433 -CAfile ca.pem -servername www.example.test "$@" >/dev/null 2>&1 || :
	captured
	kill "$(cat server.pid)" 2>/dev/null || :
	wait
	rm -f server.pid
	transcript "$name" stream 4433 hex "$(openssl version): $about"
}

record tls13 'TLS 1.3 with ALPN' -alpn h2,http/1.1 -- -alpn h2,http/1.1
record tls13_retry 'TLS 1.3 behind a HelloRetryRequest' -groups P-384 -- -groups X25519:P-384
resume=1 record tls13_resumed 'TLS 1.3 with a session ticket' -- -tls1_3
record tls12 'TLS 1.2 with a certificate of the client and small records' -Verify 1 -split_send_frag 512 -- \
	-tls1_2 -cert client.pem -cert_chain ca.pem -key client.key -max_send_frag 512
resume=1 record tls12_resumed 'TLS 1.2 with a session ticket' -- -tls1_2
resume=1 record tls12_session 'TLS 1.2 with a session id' -no_ticket -- -tls1_2 -no_ticket
record tls10 'TLS 1.0' -cipher DEFAULT@SECLEVEL=0 -- -tls1 -cipher DEFAULT@SECLEVEL=0
record refused 'a client that does not trust the certificate' -- -tls1_2 -verify_return_error -CAfile other.pem
record no_version 'a client and a server without a common version' -tls1_3 -- -tls1_2
