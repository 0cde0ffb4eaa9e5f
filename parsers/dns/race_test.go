//go:build race

package dns

// race says that the race detector is on: it makes pools forget.
const race = true
