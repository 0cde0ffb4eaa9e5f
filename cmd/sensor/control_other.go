//go:build !linux

package main

import (
	"errors"
	"io"
	"log/slog"

	"flowscope/sensor"
)

// control answers nothing: sensors run on Linux.
type control struct{ asks chan func(sensor.Ledger) }

func newControl(*slog.Logger) *control { return &control{} }

func (*control) close() {}

func runningSensors() ([]int, error) { return nil, nil }

func askSensor(int, question, io.Writer) error { return errors.ErrUnsupported }
