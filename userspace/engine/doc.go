// Package engine turns records into events: it keeps the one table of flows,
// follows the life of each TCP connection, puts its bytes in order, finds out
// which protocol is spoken, runs that protocol's parser, and reports it all.
//
// It is not a reader of packets and not a writer of output: a [sensor.Source]
// hands it records, a [sensor.Sink] takes its events. It never asks for the
// time, so that the same records give the same events. A run by one worker
// starts no goroutine.
//
// # Entry points
//
// [Events] is the shortest way: a range over what happens in a source.
// [Messages] is the same for programs that want one protocol, typed. [Run] is
// what both stand on; with several workers it shards flows over goroutines and
// still gives the sink the same events in the same order.
//
// # Time
//
// Time-outs run on a clock made of the records' times. It never goes back; a
// jump of more than an hour, in either direction, is believed only when several
// packets in a row agree, so that one crazy timestamp neither empties the table
// nor stalls it.
//
// # Caps
//
// Every cap is on by default, see [Config]. When the table is full, the flow
// whose time-out is nearest leaves first: closed connections, then attempts
// without a reply, then what has been silent for longest relative to its
// time-out. To cap the same way with any number of workers, the table is split
// into a fixed number of shards that depends only on the configuration; each
// has its share of the caps.
package engine
