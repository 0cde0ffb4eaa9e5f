package engine

import (
	"time"

	"flowscope/sensor"
)

const (
	// clockJump is the largest step that one packet may move the clock.
	clockJump = time.Hour
	// clockAgree is how many packets in a row must agree on a larger one.
	clockAgree = 4
	// clockMax is the most that such a jump moves the clock: enough for every
	// time-out, and no hostile file wears the clock out.
	clockMax = 30 * 24 * time.Hour
	// clockOrigin is the latest the clock may start at (the year 2116), and
	// clockEnd where it stops, so that adding a time-out never overflows.
	clockOrigin = 1 << 62
	clockEnd    = 3 << 61
)

// clock makes a clock that never goes back out of packet times that do. Its
// reading is in nanoseconds from an origin that is the epoch as long as packet
// times are ordinary.
type clock struct {
	now    int64
	latest sensor.Timestamp // packet time that now stands for
	other  sensor.Timestamp // a time far from latest, claimed by
	agreed int              // this many packets in a row
	set    bool
}

// at moves the clock to the time of a packet and returns its reading.
func (c *clock) at(t sensor.Timestamp) int64 {
	if d := int64(t - c.latest); t >= c.latest && d <= int64(clockJump) && d >= 0 && c.set && c.now < clockEnd {
		c.now += d // as almost always
		c.latest, c.agreed = t, 0
		return c.now
	}
	return c.step(t)
}

// step is at for a first packet, and one that goes back or far ahead.
func (c *clock) step(t sensor.Timestamp) int64 {
	if !c.set {
		c.set, c.latest, c.now = true, t, min(max(int64(t), 0), clockOrigin)
		return c.now
	}
	switch d := t.Sub(c.latest); {
	case c.now >= clockEnd:
	case d < 0 && d >= -clockJump:
		c.agreed = 0
	default:
		if away := t.Sub(c.other); c.agreed == 0 || away > clockJump || away < -clockJump {
			c.agreed = 0
		}
		c.other = t
		if c.agreed++; c.agreed >= clockAgree {
			c.now += int64(min(max(d, 0), clockMax))
			c.latest, c.agreed = t, 0
		}
	}
	return c.now
}
