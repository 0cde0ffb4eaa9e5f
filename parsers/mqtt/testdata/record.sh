#!/bin/sh
# Records what mosquitto_pub and mosquitto_sub say to mosquitto (Debian packages
# mosquitto and mosquitto-clients), in a network namespace of its own, and writes
# it as transcripts: the payload of each packet, without addresses and ports. Run
# as root:
#
#	parsers/mqtt/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
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
listening 1883

# record NAME ABOUT COMMAND...: what is said while a command runs, on its first
# connection.
record() {
	name=$1 about=$2
	shift 2
	capture "$name" 'tcp port 1883'
	"$@" >/dev/null 2>&1 || :
	captured
	transcript "$name" stream 1883 mixed "mosquitto $(mosquitto -h | sed -n 's/^mosquitto version //p'): $about"
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
