// Package flowtab holds the flows of one engine shard: a pointer-free slab of
// flow entries, a seeded open-addressing index over it, and a timing wheel that
// finds both what has expired and what to evict.
//
// It knows nothing of packets or protocols; the engine decides what a flow's
// fields mean and when its time is up. It is not safe for concurrent use.
package flowtab
