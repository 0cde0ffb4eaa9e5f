package engine_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"flowscope/internal/testenv"
	"flowscope/parsers"
	"flowscope/sensor"
	"flowscope/userspace/engine"
	"flowscope/userspace/replay"
)

// FuzzReplay reads whole files: whatever the bytes, every layer's books balance,
// each frame is in a flow or has a reason, a stream is told from its first byte
// to its last, and two workers tell what one does.
func FuzzReplay(f *testing.F) {
	root, err := testenv.Root()
	if err != nil {
		f.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "testdata", "*.pcap*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 6000 {
			f.Add(b, uint8(len(file)))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, how uint8) {
		if len(file) > 1<<16 {
			return
		}
		classify := sensor.Classify{Tunnels: sensor.TunnelLevel(how % 3), Key: sensor.KeyKind(how / 3 % 3),
			KeyVLAN: how&64 != 0, VerifyChecksums: how&128 != 0}
		cfg := engine.Config{Protocols: parsers.All, StreamData: true, MaxFlows: 50, MaxBuffered: 4000}
		one, kinds := replayBytes(t, file, classify, cfg, 1)
		cfg.MaxFlows = 1 << 16
		_, all := replayBytes(t, file, classify, cfg, 1)
		if _, two := replayBytes(t, file, classify, cfg, 2); !slices.Equal(all, two) {
			t.Errorf("one worker told %d events, two told %d, or others", len(all), len(two))
		}
		if len(kinds) == 0 && one.Account("frames") != nil && one.Account("frames").Row("accounted") > 0 {
			t.Error("packets in flows, and nothing told")
		}
	})
}

// replayBytes runs a file and returns the books and the kinds of its events.
func replayBytes(t *testing.T, file []byte, classify sensor.Classify, cfg engine.Config, workers int) (sensor.Ledger, []sensor.EventKind) {
	t.Helper()
	src, err := replay.NewReader(replay.Options{Classify: classify}, "fuzz", bytes.NewReader(file))
	if err != nil {
		return sensor.Ledger{}, nil // no capture
	}
	defer src.Close()
	c := &collection{flows: map[flowID]*told{}}
	var kinds []sensor.EventKind
	books, err := engine.Run(context.Background(), src, cfg, workers, consumer(func(ev *sensor.Event) error {
		kinds = append(kinds, ev.Kind)
		return c.Consume(ev)
	}))
	var fe *replay.FileError
	if err != nil && !errors.As(err, &fe) {
		t.Errorf("%T: %v", err, err)
	}
	if err := books.Check(); err != nil {
		t.Error(err)
	}
	for _, e := range c.errs {
		t.Error(e)
	}
	if frames, flows := books.Account("frames"), books.Account("flow_packets"); classify.Tunnels != sensor.Both && frames.Row("accounted") != flows.Total {
		t.Errorf("%d frames accounted, %d packets in flows", frames.Row("accounted"), flows.Total)
	}
	return books, kinds
}
