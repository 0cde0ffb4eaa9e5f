//go:build !race

package quic

const race = false
