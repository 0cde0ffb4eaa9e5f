package stream

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

// TestQueueModel holds the queue against a map from position to byte, first
// wins, across the wrap of the sequence space, and checks the books of memory.
func TestQueueModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Uint32().Draw(t, "base")
		budget := Budget{Max: 1 << 20}
		var q Queue
		model := map[int]byte{}
		for range rapid.IntRange(1, 60).Draw(t, "segments") {
			off := rapid.IntRange(1, 300).Draw(t, "offset")
			data := rapid.SliceOfN(rapid.ByteRange(0, 3), 1, 40).Draw(t, "data")
			dup, conflict := 0, false
			for i, c := range data {
				if have, ok := model[off+i]; ok {
					dup++
					conflict = conflict || have != c
				} else {
					model[off+i] = c
				}
			}
			res := q.Insert(base+uint32(off), len(data), data, 0, 1<<20, &budget)
			want := Result{Held: len(data) - dup, Dup: dup, Conflict: conflict}
			if res != want {
				t.Fatalf("Insert(%d, %v) = %+v, want %+v", off, data, res, want)
			}
			clear(data) // Insert must have copied
			if rapid.IntRange(0, 19).Draw(t, "cut") == 0 {
				at, want := rapid.IntRange(1, 340).Draw(t, "at"), 0
				for off := range model {
					if off >= at {
						delete(model, off)
						want++
					}
				}
				if got := q.Cut(base+uint32(at), &budget); got != want {
					t.Fatalf("Cut(%d) = %d, want %d", at, got, want)
				}
			}
		}
		if q.Bytes() != len(model) {
			t.Fatalf("Bytes() = %d, want %d", q.Bytes(), len(model))
		}
		last := 0
		for !q.Empty() {
			off := int(int32(q.Head() - base))
			r := q.Pop(&budget)
			if off < last || r.Len != len(r.Data) {
				t.Fatalf("run of %d bytes, %d captured, at %d after %d", r.Len, len(r.Data), off, last)
			}
			for i, c := range r.Data {
				if want, ok := model[off+i]; !ok || want != c {
					t.Fatalf("byte %d is %d, want %d (%v)", off+i, c, want, ok)
				}
			}
			last = off + r.Len
		}
		if budget.Used != 0 || q.Bytes() != 0 {
			t.Fatalf("empty queue holds %d bytes and owes %d", q.Bytes(), budget.Used)
		}
	})
}

func TestQueueCaps(t *testing.T) {
	t.Run("runs", func(t *testing.T) {
		var q Queue
		b := Budget{Max: 1 << 30}
		for i := range MaxRuns {
			if res := q.Insert(uint32(2*i+1), 1, []byte{1}, 0, 1<<30, &b); res.Full {
				t.Fatalf("full at run %d, want %d", i, MaxRuns)
			}
		}
		if res := q.Insert(1e6, 1, []byte{1}, 0, 1<<30, &b); !res.Full {
			t.Error("one run more than MaxRuns was taken")
		}
	})
	t.Run("bytes, charged at what is allocated", func(t *testing.T) {
		var q Queue
		b := Budget{Max: 1 << 30}
		const max = 10_000
		seg := make([]byte, 100)
		for seq := uint32(1); ; seq += 100 {
			res := q.Insert(seq, len(seg), seg, 0, max, &b)
			if res.Full {
				break
			}
			if b.Used > max {
				t.Fatalf("charged %d, cap %d", b.Used, max)
			}
		}
		if got := q.Bytes(); got < max*9/10 {
			t.Errorf("held %d bytes under a cap of %d, want most of it", got, max)
		}
	})
	t.Run("shared budget", func(t *testing.T) {
		var q Queue
		b := Budget{Max: runCost + 16}
		if res := q.Insert(5, 10, make([]byte, 10), 0, 1<<20, &b); res.Full {
			t.Fatal("did not take what fits")
		}
		if res := q.Insert(20, 10, make([]byte, 10), 0, 1<<20, &b); !res.Full || res.Held != 0 {
			t.Errorf("over the budget: %+v", res)
		}
	})
}

func TestQueueCutRuns(t *testing.T) {
	var q Queue
	b := Budget{Max: 1 << 20}
	q.Insert(100, 50, []byte("only these"), 0, 1<<20, &b) // cut
	q.Insert(150, 10, []byte("0123456789"), 0, 1<<20, &b) // follows a cut run: not joined to it
	r := q.Pop(&b)
	if r.Seq != 100 || r.Len != 50 || !bytes.Equal(r.Data, []byte("only these")) {
		t.Errorf("cut run came back as %+v", r)
	}
	if r = q.Pop(&b); r.Seq != 150 || r.Len != 10 || len(r.Data) != 10 {
		t.Errorf("run after a cut one came back as %+v", r)
	}
	if b.Used != 0 {
		t.Errorf("budget owes %d", b.Used)
	}
}

// BenchmarkReverse is the worst order: each segment goes before all others.
func BenchmarkReverse(b *testing.B) {
	b.ReportAllocs()
	budget := Budget{Max: 1 << 30}
	seg := []byte{1}
	for b.Loop() {
		var q Queue
		for i := range uint32(MaxRuns) {
			q.Insert(1e6-2*i, 1, seg, 0, 1<<20, &budget)
		}
		for !q.Empty() {
			q.Pop(&budget)
		}
	}
}
