package engine_test

import (
	"context"
	"fmt"
	"testing"

	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// TestAsks asks for the books all the time: they balance at every moment, grow,
// and the last is what Run returns.
func TestAsks(t *testing.T) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			src, err := replay.Open(replay.Options{}, "../../testdata/demo.pcapng.zst")
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			asks := make(chan func(sensor.Ledger), 1)
			var packets, times uint64
			var answer func(sensor.Ledger)
			answer = func(l sensor.Ledger) {
				if err := l.Check(); err != nil {
					t.Error(err)
				}
				now := l.Account("frames").Total
				if now < packets {
					t.Errorf("%d packets after %d", now, packets)
				}
				if flows := l.Account("flow_packets").Total; flows > now {
					t.Errorf("%d packets in flows, of %d", flows, now)
				}
				packets, times = now, times+1
				asks <- answer
			}
			asks <- answer
			books, err := engine.Run(context.Background(), src, engine.Config{Protocols: parsers.All, Asks: asks}, workers, nobody{})
			if err != nil {
				t.Fatal(err)
			}
			if total := books.Account("frames").Total; times == 0 || packets > total {
				t.Errorf("asked %d times, %d packets at last, %d in all", times, packets, total)
			}
		})
	}
}

// nobody is a Sink that wants nothing.
type nobody struct{}

func (nobody) Consume(*sensor.Event) error { return nil }
