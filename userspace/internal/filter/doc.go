// Package filter compiles capture filters in pcap-filter(7) syntax to classic
// BPF programs and runs them over frames. It is not a complete pcap-filter: what
// it does not compile is an [*Error] that says so, never an approximation.
//
// # Exactness
//
// The reference is tcpdump 4.99.3 with libpcap 1.10.3, reading a file. For an
// expression that both accept, the program here is, but for loads that can never
// succeed (see below), instruction for instruction the one that `tcpdump -ddd -r
// FILE` prints: the same tests in the same order after the same optimisations.
// (Random search found one deeply nested expression in thousands that libpcap makes
// an instruction shorter.) So the verdicts agree on every frame, also on one that was cut: a load beyond the
// captured bytes ends the program and rejects the frame, whatever the
// expression says about it. `not port 80` does not match a frame that ends
// before its ports.
//
// That includes what the optimiser of libpcap changes: over the frames and
// expressions of the tests, cut at every offset, the verdicts of tcpdump and of
// `tcpdump -O`, which does not optimise, differ in 6 of 1000; those of this package
// and of tcpdump in none of 8 million.
//
// docs/filter.md lists what is compiled, what is refused, and the oddities of
// the syntax that were kept because tcpdump has them.
//
// Programs are for captures read from files. tcpdump compiles some primitives
// in another way for a live interface of Linux, where the kernel takes the VLAN
// tag out of the frame; a program of this package sees the frame as it was on
// the wire and has to be given it that way.
//
// # For a program that is run elsewhere
//
// [Program.Instructions] uses these instructions only: ld, ldh and ldb absolute
// and indirect, ldxb of the IP header length, immediate, length and scratch
// loads and stores, the ALU operations with K and X, tax, txa, the conditional
// jumps with K and X, ja, and ret #k. Whoever translates them must know that
//
//   - an offset is unsigned and X+k does not wrap: what lies beyond the captured
//     bytes rejects the frame. No instruction has a k from 2^31 on as an offset
//     (a load that can never succeed has 2^31-1), so the kernel's negative
//     offsets (SKF_AD_OFF, SKF_LL_OFF) are never meant;
//   - a shift by 32 or more gives 0;
//   - a division by X and a remainder of X reject the frame if X is 0;
//   - `ld #pktlen` is the length on the wire, not of what was captured;
//   - scratch memory is written before it is read.
package filter
