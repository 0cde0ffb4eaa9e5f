//go:build linux

// Kernels runs the tests that need a kernel in other kernels than this
// machine's: Debian's own images, started in QEMU without hardware support. It
// is not part of the sensor and changes nothing on the machine: no root, no
// network but Debian's mirror, and all files in one directory.
//
//	go run ./testdata/kernels 6.1 6.18
//
// The same program is process 1 in the machine that it starts. docs/kernels.md
// says what the runs showed.
package main
