//go:build race

package quic

// race is whether the race detector is on, with which pools forget at random.
const race = true
