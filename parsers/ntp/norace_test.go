//go:build !race

package ntp

const race = false
