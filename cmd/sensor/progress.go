package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"flowscope/sensor"
	"flowscope/userspace/replay"
)

const (
	progressAfter = 500 * time.Millisecond // shorter runs show none
	progressEvery = 100 * time.Millisecond
)

// progress is a line on a terminal that says how far a replay is, and is gone
// when it ends.
type progress struct {
	w       io.Writer
	src     *replay.Source
	packets atomic.Uint64
	start   time.Time
	drawn   bool
	quit    chan struct{}
	done    sync.WaitGroup
}

func startProgress(w io.Writer, src *replay.Source) *progress {
	p := &progress{w: w, src: src, start: time.Now(), quit: make(chan struct{})}
	p.done.Go(func() {
		wait := time.NewTimer(progressAfter)
		defer wait.Stop()
		for {
			select {
			case <-p.quit:
				return
			case <-wait.C:
				p.draw(time.Since(p.start))
				wait.Reset(progressEvery)
			}
		}
	})
	return p
}

// stop erases the line.
func (p *progress) stop() {
	close(p.quit)
	p.done.Wait()
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) draw(elapsed time.Duration) {
	done, total := p.src.Progress()
	fmt.Fprint(p.w, "\r"+progressLine(done, total, p.packets.Load(), elapsed)+"\x1b[K")
	p.drawn = true
}

// progressLine returns the line without line feed, at most 79 columns.
func progressLine(done, total int64, packets uint64, elapsed time.Duration) string {
	seconds := max(elapsed.Seconds(), 1e-3)
	rate := fmt.Sprintf("%s packets  %spps", si(float64(packets)), si(float64(packets)/seconds))
	if total <= 0 {
		return fmt.Sprintf("replay  %sB  %s", si(float64(done)), rate)
	}
	share := min(float64(done)/float64(total), 1)
	const width = 24
	full := int(share * width)
	bar := strings.Repeat("#", full) + strings.Repeat("-", width-full)
	line := fmt.Sprintf("replay  %s  %3.0f%%  %s", bar, share*100, rate)
	if left := elapsed.Hours() * (1 - share) / share; left < 100 { // not when share is 0
		line += "  " + time.Duration(left*float64(time.Hour)).Round(time.Second).String() + " left"
	}
	return line
}

// si returns x with three digits and the prefix that makes it short.
func si(x float64) string {
	for _, prefix := range []string{" ", " k", " M", " G", " T"} {
		if x < 999.5 {
			if x < 9.995 && prefix != " " {
				return fmt.Sprintf("%.2f%s", x, prefix)
			}
			return fmt.Sprintf("%.0f%s", x, prefix)
		}
		x /= 1000
	}
	return fmt.Sprintf("%.0f P", x)
}

// counted is a Source that tells a progress line how many records passed.
type counted struct {
	*replay.Source
	n        uint64
	progress *progress
}

// Read counts what it hands on.
func (c *counted) Read(r *sensor.Record) error {
	if c.n++; c.n%256 == 0 {
		c.progress.packets.Store(c.n)
	}
	return c.Source.Read(r)
}
