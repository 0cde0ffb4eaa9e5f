#!/bin/sh
# Records what psql and pgbench say to a PostgreSQL server (Debian packages
# postgresql, postgresql-client and postgresql-contrib), in a network namespace of
# its own, and writes it as transcripts: the payload of each packet, without
# addresses and ports. Run as root:
#
#	parsers/postgres/testdata/record.sh
#
# ../../testdata/lib.sh says how it works.
set -eu
. "$(dirname "$0")/../../testdata/lib.sh"
alone "$@"
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n1)
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
cleanup() { as "$bin/pg_ctl" -D "$tmp/data" -m immediate stop >/dev/null 2>&1 || :; }
mkdir data && chown postgres data
as "$bin/initdb" -D data -A trust --no-sync >/dev/null
cat >data/pg_hba.conf <<'EOT'
host all md5      127.0.0.1/32 md5
host all password 127.0.0.1/32 password
host all scram    127.0.0.1/32 scram-sha-256
host all all      127.0.0.1/32 trust
EOT
as "$bin/pg_ctl" -D data -w -o "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off" -l data/log start >/dev/null
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGAPPNAME=shop
psql="psql -X -q -v ON_ERROR_STOP=0"
$psql -c "CREATE ROLE scram LOGIN PASSWORD 'hidden1'" -c "SET password_encryption='md5'" -c "CREATE ROLE md5 LOGIN PASSWORD 'hidden2'" -c "CREATE ROLE password LOGIN PASSWORD 'hidden3'" \
	-c "CREATE TABLE item (id int PRIMARY KEY, name varchar(20), price numeric)" -c "INSERT INTO item VALUES (1, 'tea', 2.5)"
pgbench -i -q --no-vacuum >/dev/null 2>&1

# record NAME ABOUT COMMAND...: what one command says.
record() {
	name=$1 about=$2
	shift 2
	capture "$name" 'tcp port 5432'
	"$@" >/dev/null 2>&1 || :
	captured
	transcript "$name" stream 5432 mixed "$($1 --version) and its server: $about"
}

export PGSSLMODE=disable
record psql 'statements of many kinds, errors, a transaction' $psql -c "SELECT id, name FROM item WHERE name = 'tea' AND id < 10" \
	-c "INSERT INTO item VALUES (2, E'cof\\'fee', 3.75), (3, \$\$mi\$lk\$\$, 1)" -c "BEGIN; UPDATE item SET price = price * 1.1 WHERE id IN (1, 2); COMMIT" \
	-c "INSERT INTO item VALUES (1, 'again', 0)" -c "SELECT * FROM missing_table WHERE secret = 'hidden'" -c "SELECT 'abc'::int" \
	-c "BEGIN" -c "SELECT 1/0" -c "ROLLBACK" -c "DO \$\$BEGIN RAISE NOTICE 'hidden %', 5; END\$\$" -c "-- nothing" -c "SHOW work_mem" \
	-c "ALTER ROLE md5 PASSWORD 'hidden9'" -c "SELECT 1; SELECT 2 UNION SELECT 3"
printf "COPY item FROM STDIN;\n10\thidden\t1\n11\thidden\t2\n\\.\nCOPY item TO STDOUT;\nCOPY item FROM STDIN;\n10\tagain\t1\n\\.\n\\bind_nothing\nLISTEN news;\nNOTIFY news, 'hidden';\n" >copy.sql
record copy 'COPY both ways, one that fails, a notification' $psql -f copy.sql
PGPASSWORD=hidden1 record scram 'SCRAM' $psql -U scram -c 'SELECT 1'
$psql -c "SET password_encryption='md5'" -c "ALTER ROLE md5 PASSWORD 'hidden2'"
PGPASSWORD=hidden2 record md5 'MD5' $psql -U md5 -c 'SELECT 1'
PGPASSWORD=wrong1 record refused 'a password that is wrong' $psql -U password -c 'SELECT 1'
STREAM=1 record extended 'pgbench -M extended' pgbench -n -M extended -t 2 -S
STREAM=1 record prepared 'pgbench -M prepared' pgbench -n -M prepared -t 3 -S
cat >pipeline.sql <<'EOT'
\startpipeline
SELECT 1;
SELECT abalance FROM pgbench_accounts WHERE aid = 5;
SELECT 2;
\endpipeline
EOT
cat >skipped.sql <<'EOT'
\startpipeline
SELECT 1;
SELECT 1/0;
SELECT 2;
\endpipeline
EOT
STREAM=1 record pipeline 'a pipeline of pgbench' pgbench -n -M extended -t 2 -f pipeline.sql
STREAM=1 record skipped 'a pipeline of pgbench with an error' pgbench -n -M extended -t 2 -f skipped.sql
PGSSLMODE=prefer record no_ssl 'TLS asked for and refused' $psql -c 'SELECT 1'
