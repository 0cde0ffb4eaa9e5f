package engine

import (
	"context"
	"errors"
	"iter"

	"flowscope/sensor"
)

// Events runs src through an engine with the default configuration and the
// given protocols, and yields what happens. An Event is valid until the next
// step of the iteration. The last pair has the error of the source, if it ended
// with one other than io.EOF; everything before it is true. Events does not
// close src.
func Events(src sensor.Source, protocols ...sensor.Protocol) iter.Seq2[*sensor.Event, error] {
	return EventsWith(src, Config{Protocols: protocols})
}

// EventsWith is Events with a configuration.
func EventsWith(src sensor.Source, cfg Config) iter.Seq2[*sensor.Event, error] {
	return func(yield func(*sensor.Event, error) bool) {
		_, err := Run(context.Background(), src, cfg, 1, sinkFunc(func(ev *sensor.Event) error {
			if !yield(ev, nil) {
				return errStop
			}
			return nil
		}))
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// Said is a message of a known type, with what is known of its flow.
type Said[M any] struct {
	Flow *sensor.Flow
	Side sensor.Side
	Time sensor.Timestamp
	Msg  M
}

// Messages is the typed edge for programs that want one protocol: it yields what
// p's parser emits that is an M, and nothing else. A Said is valid until the
// next step of the iteration.
func Messages[M any](src sensor.Source, p sensor.Protocol) iter.Seq2[Said[M], error] {
	return func(yield func(Said[M], error) bool) {
		for ev, err := range Events(src, p) {
			if err != nil {
				yield(Said[M]{}, err)
				return
			}
			if m, ok := ev.Msg.(M); ok && ev.Kind == sensor.FlowMessage {
				if !yield(Said[M]{ev.Flow, ev.Side, ev.Time, m}, nil) {
					return
				}
			}
		}
	}
}

var errStop = errors.New("stopped by the consumer")

type sinkFunc func(*sensor.Event) error

func (f sinkFunc) Consume(ev *sensor.Event) error { return f(ev) }
