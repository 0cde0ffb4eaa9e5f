//go:build race

package dhcpv6

// race is whether the race detector is on, with which pools forget at random.
const race = true
