#!/bin/sh
# Records what swaks says to aiosmtpd (Debian packages swaks, libnet-ssleay-perl, python3-aiosmtpd,
# openssl), on loopback, through testdata/record/tcp, and writes it as transcripts:
#
#	parsers/smtp/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 3650 -subj /CN=mail.example 2>/dev/null
cat >server.py <<'EOP'
import ssl, sys, threading
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import AuthResult
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"): return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"
    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 queued as 12345"
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("cert.pem", "key.pem")
def check(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"hunter2", handled=False)
Controller(Handler(), hostname="127.0.0.1", port=7025, server_hostname="mail.example", tls_context=tls,
    auth_require_tls=False, authenticator=check).start()
class Each(Handler):
    async def handle_DATA(self, server, session, envelope): # aiosmtpd leaves one answer for each to the handler
        return "\r\n".join("250 2.0.0 delivered to " + to for to in envelope.rcpt_tos)
class L(Controller):
    def factory(self): return LMTP(self.handler, hostname="mail.example")
L(Each(), hostname="127.0.0.1", port=7024, server_hostname="mail.example").start()
threading.Event().wait()
EOP
/usr/bin/python3 server.py &
echo $! >server.pid
listening 7025 7024

# record NAME ABOUT PORT OPTIONS: one run of swaks. What is behind the first 4 KiB
# of each side is left out.
record() {
	name=$1 about=$2 port=$3
	shift 3
	relayed "$name" 7026 $port \
		"swaks $(swaks --version | head -n1 | cut -d' ' -f3) and aiosmtpd $(/usr/bin/python3 -c 'import aiosmtpd; print(aiosmtpd.__version__)'): $about" 4096
	swaks --server 127.0.0.1:7026 --helo client.example --from alice@example.org --to bob@example.com "$@" >/dev/null 2>&1 || :
	relay_done
}
record swaks 'a message, with lines that begin with dots' 7025 --body '.one\n..two\n.'
record rejected 'two recipients of three' 7025 --to bob@example.com,nobody@example.com,carol@example.com
record login 'AUTH LOGIN' 7025 --auth LOGIN --auth-user alice --auth-password hunter2
record plain 'AUTH PLAIN, in one line, refused' 7025 --auth PLAIN --auth-user alice --auth-password wrong
record starttls 'STARTTLS' 7025 --tls
record lmtp 'LMTP, one answer for each recipient' 7024 --protocol LMTP --to bob@example.com,nobody@example.com,carol@example.com
