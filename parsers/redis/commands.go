package redis

import "strings"

// known is what the parser knows of a command.
type known struct {
	name []byte
	// first says what the first argument is.
	first kind
	role  role
}

// kind is what the first argument of a command is.
type kind uint8

const (
	hidden    kind = iota // a value, or not known: not shown
	key                   // a key, a channel, an index, a host: shown
	container             // a subcommand
)

// role is what a command does to what follows.
type role uint8

const (
	plain       role = iota
	subscribe        // one reply for each channel
	unsubscribe      // one reply for each channel, or as many as there are
	multi
	endMulti // ends what multi began
	replication
	monitor
	reset
	script // its errors say what a script wants
	client // CLIENT REPLY changes who is answered
)

// Names of commands, by what their first argument is.
const (
	keyCommands = `APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS BLMOVE BLPOP BRPOP BRPOPLPUSH BZPOPMAX BZPOPMIN COPY DECR DECRBY DEL DUMP
EXISTS EXPIRE EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH
GEOSEARCHSTORE GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HEXPIRE HEXPIREAT HEXPIRETIME HGET HGETALL HGETDEL HGETEX HINCRBY
HINCRBYFLOAT HKEYS HLEN HMGET HMSET HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSET HSETEX HSETNX HSTRLEN HTTL HVALS
INCR INCRBY INCRBYFLOAT KEYS LINDEX LINSERT LLEN LMOVE LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MGET MOVE MSET MSETNX PERSIST PEXPIRE
PEXPIREAT PEXPIRETIME PFADD PFCOUNT PFMERGE PSETEX PTTL PUBLISH RENAME RENAMENX RESTORE RPOP RPOPLPUSH RPUSH RPUSHX SADD SCARD SDIFF
SDIFFSTORE SET SETBIT SETEX SETNX SETRANGE SINTER SINTERSTORE SISMEMBER SMEMBERS SMISMEMBER SMOVE SORT SORT_RO SPOP SPUBLISH SRANDMEMBER SREM
SSCAN STRLEN SUBSTR SUNION SUNIONSTORE TOUCH TTL TYPE UNLINK WATCH XACK XADD XAUTOCLAIM XCLAIM XDEL XLEN XPENDING XRANGE XREVRANGE
XSETID XTRIM VADD VCARD VDIM VEMB VGETATTR VINFO VISMEMBER VLINKS VRANDMEMBER VREM VSETATTR VSIM DELEX DELIFEQ DIGEST ZADD ZCARD ZCOUNT ZDIFFSTORE ZINCRBY ZINTERSTORE ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX
ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK
ZSCAN ZSCORE ZUNIONSTORE SELECT SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE`
	hiddenCommands = `ASKING AUTH BGREWRITEAOF BGSAVE BITOP BLMPOP BZMPOP DBSIZE DISCARD ECHO EVAL EVALSHA EVALSHA_RO EVAL_RO EXEC FAILOVER FCALL
FCALL_RO FLUSHALL FLUSHDB HELLO INFO LASTSAVE LCS LMPOP LOLWUT MIGRATE MONITOR MULTI PING PSYNC QUIT RANDOMKEY READONLY READWRITE REPLCONF
REPLICAOF RESET ROLE SAVE SCAN SHUTDOWN SINTERCARD SLAVEOF SWAPDB SYNC TIME UNWATCH WAIT WAITAOF XREAD XREADGROUP ZDIFF ZINTER ZINTERCARD
ZMPOP ZUNION`
	containers = `ACL CLIENT CLUSTER COMMAND CONFIG DEBUG FUNCTION LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT SENTINEL SLOWLOG XGROUP XINFO`
)

var commands = func() map[string]*known {
	table := map[string]*known{}
	for first, names := range map[kind]string{key: keyCommands, hidden: hiddenCommands, container: containers} {
		for _, name := range strings.Fields(names) {
			table[name] = &known{name: []byte(name), first: first}
		}
	}
	for name, r := range map[string]role{
		"SUBSCRIBE": subscribe, "PSUBSCRIBE": subscribe, "SSUBSCRIBE": subscribe,
		"UNSUBSCRIBE": unsubscribe, "PUNSUBSCRIBE": unsubscribe, "SUNSUBSCRIBE": unsubscribe,
		"MULTI": multi, "EXEC": endMulti, "DISCARD": endMulti, "SYNC": replication, "PSYNC": replication, "MONITOR": monitor, "RESET": reset,
		"EVAL": script, "EVALSHA": script, "EVAL_RO": script, "EVALSHA_RO": script, "FCALL": script, "FCALL_RO": script, "SCRIPT": script,
		"FUNCTION": script, "CLIENT": client,
	} {
		table[name].role = r
	}
	return table
}()

// subcommands are the names that are shown as such. What else comes first may be a
// value, by mistake.
var subcommands = func() map[string]string {
	table := map[string]string{}
	for _, name := range strings.Fields(`ADDSLOTS BUMPEPOCH CACHING CAT CHANNELS CKQUORUM CONSUMERS COUNT CREATE CREATECONSUMER DELCONSUMER DELETE
DELSLOTS DELUSER DESTROY DOCS DOCTOR DRYRUN DUMP ENCODING EXISTS FAILOVER FLUSH FORGET FREQ GENPASS GET GETKEYS GETKEYSANDFLAGS GETNAME
GETREDIR GETUSER GRAPH GROUPS HELP HISTOGRAM HISTORY ID IDLETIME INFO JSON KEYSLOT KILL LATEST LEN LIST LOAD LOADEX LOG MALLOC-STATS MASTER
MASTERS MEET MONITOR MYID NO-EVICT NO-TOUCH NODES NUMPAT NUMSUB PAUSE PURGE REFCOUNT REMOVE REPLICAS REPLICATE REPLY RESET RESETSTAT RESTORE
REWRITE SAVE SENTINELS SET SET-CONFIG-EPOCH SETID SETINFO SETNAME SETSLOT SETUSER SHARDCHANNELS SHARDNUMSUB SHARDS SLAVES SLEEP SLOTS
STATS STREAM TRACKING TRACKINGINFO UNBLOCK UNLOAD UNPAUSE USAGE USERS WHOAMI`) {
		table[name] = name
	}
	return table
}()

// modules begin names of commands whose key or index comes first.
var modules = []string{"AI.", "BF.", "CF.", "CMS.", "FT.", "GRAPH.", "JSON.", "RG.", "TDIGEST.", "TOPK.", "TS."}

// unknown is what is known of any other command.
var unknown = &known{name: []byte("other")}

// upper writes b in capitals. ok is false if it is longer than dst, or no name.
func upper(dst []byte, b []byte) (name []byte, ok bool) {
	if len(b) == 0 || len(b) > len(dst) {
		return nil, false
	}
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9' && i > 0, i > 0 && strings.IndexByte("._-|", c) >= 0:
		default:
			return nil, false
		}
		dst[i] = c
	}
	return dst[:len(b)], true
}

// maxName is the longest name of a command that is shown.
const maxName = 32

// lookup returns what is known of a command and, if that has not its name because
// it is one of a module, the name in capitals. What else is not known may be a
// secret, typed in the wrong place, or the new name of a command that was renamed
// to hide it.
func lookup(dst *[maxName]byte, b []byte) (*known, []byte) {
	name, ok := upper(dst[:], b)
	if !ok {
		return unknown, nil
	}
	if k := commands[string(name)]; k != nil {
		return k, nil
	}
	if isModule(name) {
		return unknown, name
	}
	return unknown, nil
}

// isModule reports whether a command's first argument is a key by its prefix.
func isModule(name []byte) bool {
	for _, m := range modules {
		if len(name) > len(m) && string(name[:len(m)]) == m {
			return true
		}
	}
	return false
}
