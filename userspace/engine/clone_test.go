package engine

import (
	"net/netip"
	"reflect"
	"testing"
)

type answer struct {
	Name []byte
	TTL  uint32
	Addr netip.Addr
}

type rich struct {
	ID      int
	Name    []byte
	Text    string
	Addr    netip.Addr
	Answers []answer
	Deep    *answer
	Any     any
	Map     map[string][]byte
	Pair    [2][]byte
	secret  []byte // unexported: copied as it is
}

func sample(fill byte, n int) *rich {
	m := &rich{ID: int(fill), Name: []byte{fill, fill}, Text: "text", Addr: netip.MustParseAddr("2001:db8::1"),
		Any: &answer{Name: []byte{fill}}, Map: map[string][]byte{"a": {fill}}, Pair: [2][]byte{{fill}, nil}, secret: []byte{fill}}
	for range n {
		m.Answers = append(m.Answers, answer{Name: []byte{fill, 1}, TTL: 7})
	}
	if n > 1 {
		m.Deep = &answer{Name: []byte{fill}}
	}
	return m
}

// wreck overwrites everything that m lends.
func wreck(m *rich) {
	for _, b := range [][]byte{m.Name, m.Any.(*answer).Name, m.Map["a"], m.Pair[0]} {
		clear(b)
	}
	for i := range m.Answers {
		clear(m.Answers[i].Name)
		m.Answers[i] = answer{}
	}
	if m.Deep != nil {
		clear(m.Deep.Name)
	}
}

func TestCopiesOutliveWhatWasLent(t *testing.T) {
	var c copies
	for round := range 3 { // the memory of one round is used again in the next
		var got []*rich
		for i := range 4 {
			m := sample(byte(10*round+i+1), (i+round)%4)
			got = append(got, c.message(m).(*rich))
			wreck(m)
		}
		for i, g := range got {
			if want := sample(byte(10*round+i+1), (i+round)%4); !reflect.DeepEqual(g, want) {
				t.Errorf("round %d, message %d: %+v, want %+v", round, i, g, want)
			}
		}
		c.reset()
	}
	if c.message(nil) != nil {
		t.Error("the copy of no message is a message")
	}
}

func TestCopiesAllocateNothingWhenWarm(t *testing.T) {
	type plain struct {
		ID      int
		Name    []byte
		Answers []answer
	}
	var c copies
	m := &plain{Name: []byte("name"), Answers: []answer{{Name: []byte("a")}, {Name: []byte("b")}}}
	if got := testing.AllocsPerRun(100, func() {
		c.reset()
		c.message(m)
	}); got != 0 {
		t.Errorf("%v allocations for a copy, want 0", got)
	}
}
