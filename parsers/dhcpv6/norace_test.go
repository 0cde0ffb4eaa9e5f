//go:build !race

package dhcpv6

const race = false
