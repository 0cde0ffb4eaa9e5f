// Package load writes large captures for benchmarks: millions of packets of
// traffic that looks like a server's, from nothing but a number.
//
// It is not a source of truth about what it wrote, beyond a few sums, and its
// captures are not kept: they are made when a benchmark needs one. The same
// arguments give the same bytes on every machine.
package load
