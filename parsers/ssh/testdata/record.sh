#!/bin/sh
# Records what ssh says to sshd (Debian packages openssh-client and
# openssh-server), on loopback, through testdata/record/tcp, and writes it as
# transcripts, without what is encrypted. Run as root, which sshd wants:
#
#	parsers/ssh/testdata/record.sh
#
# Afterwards, SENSORTEST_UPDATE=1 go test writes what the parser makes of it; read
# the difference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'kill $(cat "$tmp"/*.pid 2>/dev/null) 2>/dev/null || :; rm -rf "$tmp"' EXIT
(cd "$here/../../../testdata/record" && go build -o "$tmp/tcp" ./tcp)
cd "$tmp"
for kind in ed25519 rsa; do ssh-keygen -q -t $kind -N '' -f host_$kind; done
ssh-keygen -q -t ed25519 -N '' -f user
mkdir -p /run/sshd
cat >sshd_config <<EOC
Port 7022
ListenAddress 127.0.0.1
HostKey $tmp/host_ed25519
HostKey $tmp/host_rsa
PidFile $tmp/sshd.pid
AuthorizedKeysFile $tmp/user.pub
StrictModes no
EOC
/usr/sbin/sshd -f "$tmp/sshd_config"
until ss -ltn | grep -q :7022; do sleep 0.1; done

# record NAME ABOUT OPTIONS: one run of ssh. What is behind the first 2 KiB of each
# side is encrypted and is left out.
record() {
	name=$1 about=$2
	shift 2
	"$tmp/tcp" 127.0.0.1:7023 127.0.0.1:7022 "$here/$name.transcript" \
		"$(ssh -V 2>&1 | cut -d, -f1), both sides: $about" 2048 &
	pid=$!
	until ss -ltn | grep -q :7023; do sleep 0.1; done
	ssh -n -F none -p 7023 -i user -o StrictHostKeyChecking=no -o UserKnownHostsFile=known -o BatchMode=yes "$@" 127.0.0.1 true 2>/dev/null || :
	wait $pid
}
record openssh 'the default algorithms'
record openssh_ctr 'a client that has few: a cipher with a MAC, compression, a key of RSA' -C -o Ciphers=aes128-ctr,aes256-ctr \
	-o MACs=hmac-sha2-256,hmac-sha2-512-etm@openssh.com -o KexAlgorithms=ecdh-sha2-nistp256 -o HostKeyAlgorithms=rsa-sha2-512
record openssh_mismatch 'no cipher in common' -o Ciphers=3des-cbc
