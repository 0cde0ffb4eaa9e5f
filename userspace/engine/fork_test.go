package engine

import (
	"errors"
	"fmt"
	"testing"

	"flowscope/sensor"
)

// picky is a Forker that wants only the ends of flows, and fails at the nth.
type picky struct {
	failAt int
	ended  int
	fork   bool
}

var errPicky = errors.New("no more")

func (p *picky) Consume(ev *sensor.Event) error {
	if ev.Kind != sensor.FlowEnd {
		return nil
	}
	return p.Encoded([]byte(fmt.Sprint(ev.Flow.ID)))
}

func (p *picky) Fork() sensor.Encoder {
	if !p.fork {
		return nil
	}
	return pickyEncoder{}
}

func (p *picky) Encoded([]byte) error {
	if p.ended++; p.ended == p.failAt {
		return errPicky
	}
	return nil
}

type pickyEncoder struct{}

func (pickyEncoder) Encode(dst []byte, ev *sensor.Event) ([]byte, error) {
	if ev.Kind != sensor.FlowEnd {
		return dst, nil
	}
	return fmt.Append(dst, ev.Flow.ID), nil
}

// TestForker: what an Encoder has no use for is not handed on, an error ends the
// run, and a Forker may decline.
func TestForker(t *testing.T) {
	for _, fork := range []bool{false, true} {
		for _, failAt := range []int{0, 3} {
			for _, workers := range []int{1, 2} {
				s := newScript()
				for i := range 5 {
					s.tcp(uint16(4000+i), 9).open().say(client, "x")
				}
				p := &picky{failAt: failAt, fork: fork}
				_, err := Run(t.Context(), s, Config{}, workers, p)
				if failAt == 0 && (err != nil || p.ended != 5) || failAt != 0 && (!errors.Is(err, errPicky) || p.ended != failAt) {
					t.Errorf("fork %v, fails at %d, %d workers: error %v, %d ends", fork, failAt, workers, err, p.ended)
				}
			}
		}
	}
}

// spoilt is a Forker whose Encoder fails at the end of the third flow.
type spoilt struct{ picky }

func (s *spoilt) Fork() sensor.Encoder { return spoiltEncoder{} }

type spoiltEncoder struct{ pickyEncoder }

func (e spoiltEncoder) Encode(dst []byte, ev *sensor.Event) ([]byte, error) {
	if ev.Kind == sensor.FlowEnd && ev.Flow.ID > 8 {
		return dst, errPicky
	}
	return e.pickyEncoder.Encode(dst, ev)
}

// TestEncoderFails: an Encoder's error ends the run, after what came before it.
func TestEncoderFails(t *testing.T) {
	s := newScript()
	for i := range 5 {
		s.tcp(uint16(4000+i), 9).open().say(client, "x") // four packets
	}
	p := &spoilt{}
	if _, err := Run(t.Context(), s, Config{}, 2, p); !errors.Is(err, errPicky) || p.ended != 2 {
		t.Errorf("error %v after %d flows, want %v after 2", err, p.ended, errPicky)
	}
}
