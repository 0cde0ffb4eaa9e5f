#!/bin/sh
# Records what ssh says to sshd (Debian packages openssh-client and
# openssh-server), on loopback, through testdata/record/tcp, and writes it as
# transcripts, without what is encrypted. Run as root, which sshd wants:
#
#	parsers/ssh/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
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
listening 7022

# record NAME ABOUT OPTIONS: one run of ssh. What is behind the first 2 KiB of each
# side is encrypted and is left out.
record() {
	name=$1 about=$2
	shift 2
	relayed "$name" 7023 7022 \
		"$(ssh -V 2>&1 | cut -d, -f1), both sides: $about" 2048
	ssh -n -F none -p 7023 -i user -o StrictHostKeyChecking=no -o UserKnownHostsFile=known -o BatchMode=yes "$@" 127.0.0.1 true 2>/dev/null || :
	relay_done
}
record openssh 'the default algorithms'
record openssh_ctr 'a client that has few: a cipher with a MAC, compression, a key of RSA' -C -o Ciphers=aes128-ctr,aes256-ctr \
	-o MACs=hmac-sha2-256,hmac-sha2-512-etm@openssh.com -o KexAlgorithms=ecdh-sha2-nistp256 -o HostKeyAlgorithms=rsa-sha2-512
record openssh_mismatch 'no cipher in common' -o Ciphers=3des-cbc
