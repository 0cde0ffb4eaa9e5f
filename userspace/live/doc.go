// Package live is the Source of packets of this host: it loads the kernel half,
// attaches it to interfaces, and makes records of what that counts and forwards.
// It is not a capture library: packets stay in the kernel, and it does not
// change, delay or drop any of them.
//
// A [Source] gives three kinds of record. A Packet has a slice of payload and
// counts nothing. A Snapshot has what a flow added to its counters since the one
// before. A Lost says how much payload of a flow was counted and not forwarded,
// and why. All Packets of a time come before the Snapshots of it.
//
// # Why no count is lost
//
// The program counts in a map that user space swaps for an empty one, every
// [Options.Interval]. The kernel returns from that only when no program runs
// that still has the old map; it is read then, at leisure. A map that is full is
// not an error: what finds no room is in the overflow rows of the ledger.
//
// # What it needs
//
// Linux 5.10, and CAP_BPF and CAP_NET_ADMIN. On other systems [Open] returns an
// error that says so. The programs are attached by links, which end with the
// process, however that ends; where the kernel has no TCX, which came with Linux
// 6.6, by filters of traffic control, of which those of a process that was killed
// are removed by the next Open.
package live
