package sensor

import (
	"errors"
	"fmt"
	"testing"
)

func TestHandTo(t *testing.T) {
	for _, name := range []string{"tls", ""} {
		wrapped := fmt.Errorf("starttls: %w", HandTo(name))
		if got, ok := HandedTo(wrapped); !ok || got != name {
			t.Errorf("HandedTo(%v) = %q, %v, want %q, true", wrapped, got, ok, name)
		}
	}
	for _, err := range []error{nil, ErrDone, errors.New("bad header")} {
		if got, ok := HandedTo(err); ok {
			t.Errorf("HandedTo(%v) = %q, true, want false", err, got)
		}
	}
}

func TestCountersAddAndSubAreInverse(t *testing.T) {
	a, b := Counters{1, 2, 3, 4}, Counters{10, 20, 30, 40}
	sum := a
	sum.Add(b)
	if want := (Counters{11, 22, 33, 44}); sum != want {
		t.Errorf("sum = %v, want %v", sum, want)
	}
	if got := sum.Sub(b); got != a {
		t.Errorf("sum.Sub(b) = %v, want %v", got, a)
	}
}
