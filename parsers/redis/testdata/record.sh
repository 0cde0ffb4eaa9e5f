#!/bin/sh
# Records what redis-cli says to redis-server (Debian packages redis-tools and
# redis-server), on loopback, through testdata/record/tcp, and writes it as
# transcripts:
#
#	parsers/redis/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
redis-server --port 7379 --bind 127.0.0.1 --save '' --dir "$tmp" --requirepass hunter2 --daemonize yes --pidfile "$tmp/redis.pid" >/dev/null
listening 7379

# record NAME ABOUT COMMAND...: one connection.
record() {
	name=$1 about=$2
	shift 2
	relayed "$name" 7380 7379 \
		"$(redis-cli --version) and redis-server $(redis-server --version | cut -d' ' -f3): $about"
	"$@" >/dev/null 2>&1 || :
	relay_done
}
cli='redis-cli --no-auth-warning -p 7380'
cat >commands <<'EOC'
PING
GET greeting
AUTH wrong
AUTH hunter2
SET greeting "a value that is nobody's business"
GET greeting
GET none
SETEX session:1 60 secret
LPUSH list a b c
LRANGE list 0 -1
INCR greeting
MULTI
INCR counter
LPUSH greeting x
EXEC
CONFIG SET appendonly maybe
EVAL "return redis.error_reply('MINE a secret')" 0
NOSUCH thing
HSET hash field value
HGETALL hash
TYPE hash
OBJECT ENCODING hash
QUIT
EOC
record cli 'a session' sh -c "$cli <commands"
record resp3 'RESP3: maps, sets, nulls, a text, an invalidation, channels' python3 -c '
import socket, time
s = socket.create_connection(("127.0.0.1", 7380))
for line in """HELLO 3 AUTH default hunter2
HSET hash field value other value2
HGETALL hash
SMEMBERS none
ZADD z 1.5 a
ZSCORE z a
GET none
CLIENT INFO
CLIENT TRACKING ON
GET greeting
SET greeting other
SUBSCRIBE news
PUBLISH news secret
UNSUBSCRIBE news
DEBUG JMAP
PING""".split("\n"):
    words = line.split()
    s.sendall(("*%d\r\n" % len(words) + "".join("$%d\r\n%s\r\n" % (len(w), w) for w in words)).encode())
    time.sleep(0.05); s.recv(65536)
'
{
	printf '*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n'
	i=0
	while [ $i -lt 6 ]; do printf '*3\r\n$3\r\nSET\r\n$2\r\nk%d\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$2\r\nk%d\r\n' $i $i; i=$((i + 1)); done
} >pipe
record pipe 'pipelined commands' sh -c "$cli --pipe <pipe"
record inline 'a person with a terminal, inline' python3 -c '
import socket, time
s = socket.create_connection(("127.0.0.1", 7380))
for line in "PING", "auth hunter2", "set \"my key\" secret", "get my", "", "strlen \"my key\"", "QUIT":
    s.sendall(line.encode() + b"\r\n")
    if line: s.recv(4096)
s.recv(1)
'
record pubsub 'RESP2: channels, a pattern, a message' python3 -c '
import socket, subprocess, time
s = socket.create_connection(("127.0.0.1", 7380))
def say(t):
    s.sendall(t); time.sleep(0.05); s.recv(65536)
say(b"*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n")
say(b"*3\r\n$9\r\nSUBSCRIBE\r\n$4\r\nnews\r\n$5\r\nother\r\n")
say(b"*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\nn*\r\n")
subprocess.run(["redis-cli", "--no-auth-warning", "-a", "hunter2", "-p", "7379", "PUBLISH", "news", "a secret"])
time.sleep(0.05); s.recv(65536)
say(b"*1\r\n$4\r\nPING\r\n")
say(b"*1\r\n$11\r\nUNSUBSCRIBE\r\n")
say(b"*2\r\n$12\r\nPUNSUBSCRIBE\r\n$2\r\nn*\r\n")
say(b"*2\r\n$6\r\nSTRLEN\r\n$8\r\ngreeting\r\n")
'
record monitor 'MONITOR' python3 -c '
import socket, subprocess, time
s = socket.create_connection(("127.0.0.1", 7380))
def say(t):
    s.sendall(t); time.sleep(0.05); s.recv(65536)
say(b"*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n")
say(b"*1\r\n$7\r\nMONITOR\r\n")
subprocess.run(["redis-cli", "--no-auth-warning", "-a", "hunter2", "-p", "7379", "SET", "a", "a secret"])
say(b"*1\r\n$4\r\nPING\r\n")
'
record replica 'a replica, whose connection is not one of commands any more' python3 -c '
import socket, time
s = socket.create_connection(("127.0.0.1", 7380))
def say(t):
    s.sendall(t); time.sleep(0.2); s.recv(65536)
say(b"*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n")
say(b"*1\r\n$4\r\nPING\r\n")
say(b"*3\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n")
say(b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n")
'
