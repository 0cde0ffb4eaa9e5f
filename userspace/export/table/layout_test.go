package table

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

func TestColumn(t *testing.T) {
	tests := []struct {
		name  string
		texts []int
		room  int
		want  int
	}{
		{"all fit where there is room", []int{30, 50, 10, 40}, 100, 50},
		{"three of four fit where there is little", []int{30, 50, 10, 40}, 60, 40},
		{"the title fits", []int{5}, 100, 20},
		{"the next column has its least", []int{50, 50, 50}, 60, 45},
		{"there is no room at all", []int{50}, 5, 0},
		{"no texts", nil, 100, 20},
	}
	for _, tt := range tests {
		if got := column(tt.texts, tt.room, 35, 15, 20); got != tt.want {
			t.Errorf("%s: column(%v, room %d) = %d, want %d", tt.name, tt.texts, tt.room, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	tests := []struct {
		flow  string
		width int
		want  []string
	}{
		{"a -> b", 6, []string{"a -> b"}},
		{"a -> b", 5, []string{"a ->", "b"}},
		{"abcdef", 4, []string{"abcd"}},
	}
	for _, tt := range tests {
		if got := split(tt.flow, tt.width); !slices.Equal(got, tt.want) {
			t.Errorf("split(%q, %d) = %q, want %q", tt.flow, tt.width, got, tt.want)
		}
	}
}

func TestSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sample{max: rapid.IntRange(1, 8).Draw(t, "max")}
		nth := map[string]int{}
		var all []line
		for _, flow := range rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c"})).Draw(t, "flows") {
			nth[flow]++
			l := line{flow: flow, headline: string(rune('a' + len(all)%26))}
			all = append(all, l)
			if s.wants(nth[flow]) {
				s.add(nth[flow], l)
			}
		}
		got, varied := s.lines()
		if want := min(s.max, len(all)); len(got) != want {
			t.Fatalf("%d of %d messages are shown, want %d", len(got), len(all), want)
		}
		shown := map[string]int{}
		for _, l := range got {
			shown[l.flow]++
			if varied && shown[l.flow] > perFlow {
				t.Fatalf("%d messages of flow %s are shown", shown[l.flow], l.flow)
			}
		}
		if !varied && !slices.Equal(got, all[:len(got)]) {
			t.Fatalf("shown are %v, want the first of %v", got, all)
		}
	})
}
