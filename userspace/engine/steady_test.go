package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"
)

// TestSteady: what shard.steady does in one go is what the shard does step by step.
// Conversations in which most packets are as they should be, and some are not, give
// the same events and the same books both ways.
func TestSteady(t *testing.T) {
	protocols := []sensor.Protocol{tagged("abc", sensor.Match)}
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 2))
		s := talk(rng)
		cfg := Config{StreamData: rng.IntN(3) == 0, Timeouts: Timeouts{TCP: time.Minute, Active: 20 * time.Second}}
		if rng.IntN(2) == 0 {
			cfg.Protocols = protocols
		}
		steady := tell(t, s, cfg)
		cfg.stepwise = true
		steps := tell(t, s.rewind(), cfg)
		for i := range max(len(steady), len(steps)) {
			if i >= len(steady) || i >= len(steps) || steady[i] != steps[i] {
				t.Fatalf("case %d:\nsteady:\n%s\nstep by step:\n%s", seed, strings.Join(steady[i:], "\n"), strings.Join(steps[i:], "\n"))
			}
		}
	}
}

// talk makes a conversation.
func talk(rng *rand.Rand) *script {
	s := newScript()
	c := s.tcp(4000, 4001)
	c.seq[client] = -uint32(rng.IntN(400))
	switch rng.IntN(4) {
	case 0: // joined in the middle
	case 1: // the peer decides which of two it was
		c.open()
		c.say(client, "abc.")
		c.at(server, -rng.IntN(30), sensor.SYN|sensor.ACK, "")
		c.say(client, "abc.")
	default:
		c.open()
	}
	for range rng.IntN(120) {
		from, n := rng.IntN(2), rng.IntN(40)
		data := strings.Repeat("abc.", 10)[:n]
		flags := uint8(sensor.ACK)
		if n%2 == 0 {
			flags |= sensor.PSH
		}
		switch rng.IntN(40) {
		case 0: // lost before it was seen
			c.seq[from] += uint32(n)
		case 1:
			c.at(from, -rng.IntN(60), flags, data) // again
		case 2:
			c.at(from, rng.IntN(60), flags, data) // early
		case 3:
			c.send(from, flags, data).Window = 0
		case 4:
			c.send(from, flags|sensor.URG, data)
		case 5:
			r := c.send(from, flags, data)
			r.Payload = r.Payload[:n/2] // cut
		case 6:
			c.send(from, flags, data).Flags |= sensor.BadChecksum
		case 7:
			c.send(from, flags, data).Ack += uint32(rng.IntN(50)) // of what was not seen
		case 8:
			c.send(from, flags, data).Time -= sensor.Timestamp(rng.IntN(1e9))
		case 9:
			s.wait(time.Duration(rng.IntN(100)) * time.Second)
		case 10:
			if rng.IntN(3) == 0 {
				c.send(from, []uint8{sensor.RST, sensor.FIN | sensor.ACK, sensor.SYN, sensor.SYN | sensor.ACK}[rng.IntN(4)], "")
			}
		default:
			c.send(from, flags, data)
		}
		s.wait(time.Duration(rng.IntN(2000)) * time.Millisecond)
	}
	if rng.IntN(2) == 0 {
		c.close()
	}
	return s
}

// tell runs a script and returns all that comes of it.
func tell(t *testing.T, s *script, cfg Config) (told []string) {
	t.Helper()
	l, err := Run(context.Background(), s, cfg, 1, sinkFunc(func(ev *sensor.Event) error {
		told = append(told, fmt.Sprintf("%s %+v", describe(ev), *ev.Flow))
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return append(told, fmt.Sprintf("%+v", l))
}
