//go:build !race

package dhcp

const race = false
