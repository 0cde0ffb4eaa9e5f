package flowtab

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"flowscope/sensor"

	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

func keyOf(n uint32) *sensor.Key {
	var k sensor.Key
	binary.BigEndian.PutUint32(k.Addr[1][12:], n)
	k.Port[0] = uint16(n)
	return &k
}

func TestLayout(t *testing.T) {
	if got := unsafe.Sizeof(sensor.Key{}); got != 44 {
		t.Errorf("Key has %d bytes, want 44 without padding: hash reads it as such", got)
	}
	// 300 bytes per tracked flow, less 8/0.44 for the index at its emptiest.
	if got := unsafe.Sizeof(Flow{}); got > 288 {
		t.Errorf("Flow has %d bytes, want at most 288", got)
	}
}

// TestTableModel holds the table against a Go map.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := New()
		model := map[uint32]Ref{}
		var old Ref
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			n := rapid.Uint32Range(0, 150).Draw(t, "key")
			h := tab.Hash(keyOf(n))
			var guess Ref
			switch rapid.IntRange(0, 2).Draw(t, "guess") {
			case 1:
				guess, _ = tab.Guess(h)
			case 2:
				guess = old // of a flow that may be gone, or be another
			}
			ref, f := tab.Find(keyOf(n), h, guess)
			old = ref
			want, ok := model[n]
			if (f != nil) != ok || ref != want {
				t.Fatalf("Find(%d) = %d, want %d", n, ref, want)
			}
			switch {
			case !ok:
				ref, f := tab.Insert(keyOf(n), h)
				if f.Key != *keyOf(n) || f.ID != 0 || f.Session != 0 {
					t.Fatalf("Insert(%d) gave a used entry %+v", n, f)
				}
				f.ID, f.Session = uint64(n)+1, n
				tab.Schedule(ref, int64(n)<<granuleBits)
				model[n] = ref
			case rapid.Bool().Draw(t, "delete"):
				tab.Delete(ref)
				delete(model, n)
			default:
				if f.ID != uint64(n)+1 {
					t.Fatalf("entry of %d holds the flow %d", n, f.ID-1)
				}
			}
			if tab.Len() != len(model) {
				t.Fatalf("Len() = %d, want %d", tab.Len(), len(model))
			}
		}
		var want []Ref
		for _, ref := range model {
			want = append(want, ref)
		}
		got := tab.Refs(nil)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("Refs = %v, want %v", got, want)
		}
	})
}

// TestWheelModel holds the wheel against a plain list of due times: nothing is
// told more than a granule late, and what is told early is scheduled again.
func TestWheelModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := New()
		due := map[Ref]int64{}
		now := rapid.Int64Range(0, 1<<62).Draw(t, "start")
		tab.Due(now, nil)
		for n := range uint32(rapid.IntRange(1, 200).Draw(t, "steps")) {
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				h := tab.Hash(keyOf(n))
				ref, _ := tab.Insert(keyOf(n), h)
				due[ref] = now + rapid.Int64Range(0, 1<<rapid.IntRange(1, 60).Draw(t, "reach")).Draw(t, "in")
				tab.Schedule(ref, due[ref])
			case 2:
				now += rapid.Int64Range(0, 1<<rapid.IntRange(1, 58).Draw(t, "step")).Draw(t, "by")
				for again := tab.Due(now, nil); len(again) > 0; {
					ref := again[0]
					again = again[1:]
					if _, ok := due[ref]; !ok {
						t.Fatalf("told twice: %d", ref)
					}
					if Granule(due[ref]) > Granule(now) {
						tab.Schedule(ref, due[ref])
						continue
					}
					delete(due, ref)
					tab.Delete(ref)
				}
				for ref, at := range due {
					if Granule(at) < Granule(now) {
						t.Fatalf("flow %d, due at %d, was not told at %d", ref, at, now)
					}
				}
			case 3:
				ref := tab.Nearest()
				if (ref == 0) != (len(due) == 0) {
					t.Fatalf("Nearest() = %d with %d flows scheduled", ref, len(due))
				}
				if ref != 0 {
					delete(due, ref)
					tab.Delete(ref)
				}
			}
		}
	})
}

func TestTableAllocatesNothingWhenWarm(t *testing.T) {
	tab := New()
	for n := range uint32(1000) {
		h := tab.Hash(keyOf(n))
		ref, _ := tab.Insert(keyOf(n), h)
		tab.Schedule(ref, int64(n)<<granuleBits)
	}
	n := uint32(0)
	if got := testing.AllocsPerRun(1000, func() {
		h := tab.Hash(keyOf(n % 1000))
		ref, _ := tab.Find(keyOf(n%1000), h, 0)
		tab.Delete(ref)
		ref, _ = tab.Insert(keyOf(n%1000), h)
		tab.Schedule(ref, int64(n)<<granuleBits)
		n++
	}); got != 0 {
		t.Errorf("%v allocations for find, delete, insert and schedule, want 0", got)
	}
}

func BenchmarkFind(b *testing.B) {
	for _, flows := range []uint32{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			tab := New()
			keys := make([]sensor.Key, flows)
			for n := range flows {
				keys[n] = *keyOf(n * 2654435761)
				h := tab.Hash(&keys[n])
				tab.Insert(&keys[n], h)
			}
			b.ReportAllocs()
			i := uint32(0)
			for b.Loop() {
				i = (i*1664525 + 1013904223)
				tab.Find(&keys[i%flows], tab.Hash(&keys[i%flows]), 0)
			}
		})
	}
}
