// Package replay turns capture files into a [sensor.Source]: pcap and pcapng,
// plain, gzip or zstd, from files, directories, standard input or any reader,
// and packets from any gopacket.PacketDataSource. It is not a packet decoder,
// which is userspace/internal/frame, and knows nothing of flows, which are the
// engine's.
//
//	src, err := replay.Open(replay.Options{}, "monday.pcap", "tuesday.pcapng.zst")
//	if err != nil {
//		return err
//	}
//	defer src.Close()
//	for ev, err := range engine.Events(src, parsers.All...) {
//
// # What is read
//
// pcap with microseconds or nanoseconds in either byte order, the modified pcap
// of Linux 2.2 (magic 0xa1b2cd34), and the swapped lengths of versions before
// 2.4. pcapng with several sections, in either byte order each, several
// interfaces of different link types and resolutions, Enhanced, Simple and the
// obsolete Packet Blocks; other blocks are skipped. A frame check sequence that
// the file says it captured is taken off. A packet's captured length may be more
// than its length on the wire or than the file's snap length; both are kept as
// they are, as tshark does.
//
// The variants of pcap that have larger packet headers behind the usual magic
// number (Red Hat 6.1, SuSE 6.3, Nokia) cannot be told from damage; convert them
// with editcap.
//
// A Simple Packet Block has no time; it gets that of the packet before it.
//
// # Damage
//
// A file that ends in the middle or lies about a length is read up to there.
// The other files are read too. Then Read returns an error that says for each
// damaged file where, what was expected and what was found (see [FileError]);
// errors.Is(err, [ErrPartial]) holds if there was something to read at all.
// Nothing is guessed: there is no looking for the next good packet.
//
// # Memory
//
// With Options.Stable a regular file is mapped, and its packets are not copied.
// All else is read in blocks that are reused and fit a cache, which for one reader
// costs less than filling page tables. No memory is allocated because a length in the file
// says so: a packet of more than [MaxFrame] bytes or a block of more than
// [MaxBlock] is an error, and a buffer grows only as bytes arrive. Compressed
// input may not expand more than Options.MaxExpansion-fold, and is read with a
// window of at most 128 MiB (which is what zstd itself accepts); compression
// within compression is refused.
//
// A mapped file must not be truncated while it is read: tcpdump -w on the same
// name does that. Read notices and returns an error; code of yours that touches
// a Payload after that faults. [Protect] turns such a fault into an error.
package replay
