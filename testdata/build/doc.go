// Package build makes captures whose exact contents are known: conversations
// are scripted packet by packet, and the builder keeps the books of what it
// put into the file (flows, packets, bytes, streams, gaps) while it does so.
//
// It is not a decoder and not a network stack. It never reads back what it
// wrote: the truth it reports comes from the script, so that it can judge the
// sensor's classifier and engine. Its model of a TCP stream is an array of
// bytes, one bit each for "seen"; whoever came first is kept.
//
// A Capture is a function of the calls made on it: no clock, no randomness but
// [Bytes] with a fixed seed. The same script gives the same bytes anywhere.
//
//	c := build.New()
//	t := c.TCP("10.0.0.1:4321", "10.0.0.2:80", build.VLAN(100))
//	t.Open()
//	t.Send(build.Fwd, []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"))
//	t.Close(build.Fwd)
//	file := c.File(build.Format{})
//	truth := c.Truth()
//
// The go tool leaves directories named testdata out of patterns such as ./...,
// but not out of imports; the tests of this package are in testdata_test.go at
// the root of the module.
package build
