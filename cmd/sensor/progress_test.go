package main

import (
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		name        string
		done, total int64
		packets     uint64
		elapsed     time.Duration
		want        string
	}{
		{"the middle", 500, 1000, 2_000_000, time.Second, "replay  ############------------   50%  2.00 M packets  2.00 Mpps  1s left"},
		{"nothing read", 0, 1000, 0, time.Second, "replay  ------------------------    0%  0  packets  0 pps"},
		{"more than there was", 2000, 1000, 999, time.Second, "replay  ########################  100%  999  packets  999 pps  0s left"},
		{"a pipe", 12_345_678, 0, 99_999, 10 * time.Second, "replay  12 MB  100 k packets  10 kpps"},
		{"years to go", 1, 1 << 40, 1, time.Hour, "replay  ------------------------    0%  1  packets  0 pps"},
	} {
		got := progressLine(tt.done, tt.total, tt.packets, tt.elapsed)
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if len(got) > 79 {
			t.Errorf("%s: %d columns: %q", tt.name, len(got), got)
		}
	}
}
