//go:build !race

package dns

const race = false
