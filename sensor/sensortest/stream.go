package sensortest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"flowscope/sensor"
)

// Test is a Protocol and what the kit should know of it. The functions [Files],
// [Stream] and [Datagram] are for a Test with nothing but a Protocol.
type Test struct {
	Protocol sensor.Protocol

	// Damaged reports whether a message says of itself that bytes are missing:
	// that it is cut short, or a report of bytes skipped. Where bytes are lost,
	// such messages may come, any other must be a true one. Nil: there are none.
	Damaged func(sensor.Message) bool

	// Render returns the text by which messages are compared; nil is [Render].
	// Use it to leave out what legitimately depends on bytes that were lost.
	Render func(sensor.Message) string
}

func (c *Test) render(m sensor.Message) string {
	if c.Render != nil {
		return c.Render(m)
	}
	return Render(m)
}

// Stream is [Test.Stream] with nothing but a protocol.
func Stream(t testing.TB, p sensor.Protocol, tr *Transcript) {
	t.Helper()
	Test{Protocol: p}.Stream(t, tr)
}

// Stream plays a transcript to parsers of a stream protocol and reports each
// rule of [sensor.StreamParser] that is broken:
//
//   - What comes is what the transcript wants, if it says.
//   - Parse returns 0 <= n (more than len(Data) passes over bytes), does not
//     write to Data, does not call emit later, and leaves no more than Protocol.MaxBuffer unconsumed.
//   - The same messages, and the same end, come however the stream is cut:
//     byte by byte, once or twice anywhere, at random, with EOF in the call of
//     the last bytes or in one of its own; beside another flow; after another
//     flow, if the parser is a [sensor.Resetter]; and when the lent bytes are
//     overwritten after each call.
//   - Where bytes are lost, a parser that is no Resyncer has said nothing that
//     is not true before it is retired, and a Resyncer's messages are true
//     ones, in order, or Damaged.
//   - Where the stream ends early, what was said before is what is said of the
//     whole stream.
//   - Hostile changes cause no panic, break no rule, do not make the cuts
//     matter, and do not make it allocate more than 16 times the input and a
//     megabyte.
//   - Protocol.Probe never refuses the beginning of what it recognises.
//
// The more is said in fewer bytes, the more is tested: keep transcripts below
// some kilobytes.
func (c Test) Stream(t testing.TB, tr *Transcript) {
	t.Helper()
	if tr.Datagram {
		t.Fatalf("%s: datagrams, for a test of streams", tr.Name)
	}
	if c.Protocol.Transport != sensor.ProtoTCP || c.Protocol.NewStream == nil || c.Protocol.Name == "" {
		t.Fatal("the Protocol has no Name, is not for ProtoTCP, or has no NewStream")
	}
	k := newKit(t, c, tr)
	k.lending()
	k.expect()
	k.cuts()
	k.ends()
	k.beside()
	k.afterwards()
	k.gaps()
	k.truncations()
	k.mutants()
	k.probe()
}

// kit is one transcript under test.
type kit struct {
	t       testing.TB
	c       Test
	tr      *Transcript
	ops     []op
	truth   *play
	size    int   // bytes of all data
	changed []op  // what is played instead, if a failure must show it
	spare   *play // the last one whose parser can be used again
	rng     *rand.Rand
}

// budget is how many bytes one family of plays may hand to parsers; if minutes
// do not matter, four times as many.
const budget = 2 << 20

func newKit(t testing.TB, c Test, tr *Transcript) *kit {
	k := &kit{t: t, c: c, tr: tr, rng: rand.New(rand.NewPCG(1, 2))}
	k.ops = opsOf(tr)
	for _, o := range k.ops {
		k.size += len(o.Data)
	}
	k.truth = c.run(k.ops)
	k.rules(k.truth, "as written")
	return k
}

// run plays ops to a parser that is new or, every other time if the parser is a
// Resetter, the one of the play before, as it is after a Reset.
func (k *kit) run(ops []op) *play {
	p := newPlay(&k.c)
	again := k.spare != nil && k.spare.fault == "" && k.spare.reset()
	if again {
		p.stream, p.dgram, p.again = k.spare.stream, k.spare.dgram, true
		k.spare = nil
	}
	p.all(ops)
	if !again {
		k.spare = p
	}
	return p
}

// thorough reports whether minutes do not matter.
func thorough() bool { return os.Getenv("SENSORTEST_THOROUGH") == "1" }

// thoroughBudget is how many bytes pairs of cuts may hand to parsers then: all
// pairs of a transcript with up to 480 bytes of data.
const thoroughBudget = 64 << 20

// plays says how many plays of about cost bytes each the budget allows.
func (k *kit) plays(cost int) int {
	b := budget
	switch {
	case thorough():
		b *= 4
	case testing.Short():
		b /= 2
	}
	return max(16, b/(cost+64))
}

// opsOf returns what a transcript says, and the ends that it does not say.
func opsOf(tr *Transcript) []op {
	var ops []op
	var closed [2]bool
	now := Start
	for i, s := range tr.Steps {
		ops = append(ops, op{s, i})
		closed[s.Side] = closed[s.Side] || s.EOF
		now = max(now, s.Time)
	}
	for _, side := range []sensor.Side{sensor.Initiator, sensor.Responder} {
		if !closed[side] {
			ops = append(ops, op{Step{Side: side, Time: now, EOF: true, Aborted: true}, -1})
		}
	}
	return ops
}

// rules ends the test if a play broke a rule.
func (k *kit) rules(p *play, how string) {
	k.t.Helper()
	if p.fault != "" {
		k.t.Fatalf("%s: %s%s: %s%s", k.tr.Name, how, p.note(), p.fault, dump(k.changed))
	}
}

// expect compares what comes with what the transcript wants.
func (k *kit) expect() {
	k.t.Helper()
	if k.tr.Want == nil {
		return
	}
	k.compare(k.truth.texts(), k.tr.Want, "as written")
}

// same ends the test unless a play has the outcome of the whole transcript.
func (k *kit) same(p *play, how string) {
	k.t.Helper()
	k.sameAs(p, k.truth, how)
}

func (k *kit) sameAs(p, truth *play, how string) {
	k.t.Helper()
	k.rules(p, how)
	k.compare(p.texts(), truth.texts(), how+p.note())
	if p.handed && p.consumed != truth.consumed {
		k.t.Fatalf("%s: %s%s: handed over after %d bytes consumed, want %d%s", k.tr.Name, how, p.note(), p.consumed, truth.consumed, dump(k.changed))
	}
}

func (k *kit) compare(got, want []string, how string) {
	k.t.Helper()
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	k.t.Fatalf("%s: %s: line %d of what came:\n  got  %s\n  want %s%s", k.tr.Name, how, i+1, at(got, i), at(want, i), dump(k.changed))
}

func at(lines []string, i int) string {
	if i >= len(lines) {
		return "nothing more"
	}
	return lines[i]
}

// lending compares with a play in which lent bytes stay what they are.
func (k *kit) lending() {
	k.t.Helper()
	p := newPlay(&k.c)
	p.scribble = false
	p.all(k.ops)
	if k.rules(p, "with lent bytes left alone"); !slices.Equal(p.texts(), k.truth.texts()) {
		k.compare(k.truth.texts(), p.texts(), "when lent bytes are overwritten after each call (a lent slice is kept)")
	}
}

// cuts plays the transcript in pieces.
func (k *kit) cuts() {
	k.t.Helper()
	bytewise := make([]int, 0, k.size)
	for i := 1; i < k.size; i++ {
		if i <= 4<<10 || i%61 == 0 { // each call gets all that is not consumed: quadratic
			bytewise = append(bytewise, i)
		}
	}
	k.same(k.run(cut(k.ops, bytewise)), "byte by byte")
	nagged := newPlay(&k.c)
	nagged.nagging = true
	nagged.all(cut(k.ops, bytewise))
	k.same(nagged, "byte by byte, called for each that is passed over")

	n := min(k.plays(k.size), 20_000)
	for _, i := range k.offsets(n) {
		k.same(k.run(cut(k.ops, []int{i})), fmt.Sprintf("cut at %d", i))
	}
	pairs := n
	if thorough() {
		pairs = thoroughBudget / (k.size + 64)
	}
	if k.size*k.size/2 <= pairs {
		for i := 1; i < k.size; i++ {
			for j := i + 1; j < k.size; j++ {
				k.same(k.run(cut(k.ops, []int{i, j})), fmt.Sprintf("cut at %d and %d", i, j))
			}
		}
	} else if thorough() {
		for range pairs {
			i, j := 1+k.rng.IntN(k.size-1), 1+k.rng.IntN(k.size-1)
			k.same(k.run(cut(k.ops, []int{min(i, j), max(i, j)})), fmt.Sprintf("cut at %d and %d", i, j))
		}
	}
	schedules := min(n, 1000, k.size*k.size)
	if thorough() {
		schedules = 3000
	}
	for range schedules {
		cuts := k.randomCuts()
		k.same(k.run(cut(k.ops, cuts)), fmt.Sprintf("cut at %d", cuts))
	}
}

// offsets returns every offset at which the data can be cut or, if they are
// more than n, a sample of n.
func (k *kit) offsets(n int) []int {
	var all []int
	if k.size <= n {
		for i := 1; i < k.size; i++ {
			all = append(all, i)
		}
		return all
	}
	for range n {
		all = append(all, 1+k.rng.IntN(k.size-1))
	}
	return all
}

func (k *kit) randomCuts() []int {
	if k.size < 2 {
		return nil
	}
	cuts := make([]int, 2+k.rng.IntN(6))
	for i := range cuts {
		cuts[i] = 1 + k.rng.IntN(k.size-1)
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// cut splits data at offsets, ascending, that count the bytes of all ops.
func cut(ops []op, offsets []int) []op {
	out := make([]op, 0, len(ops)+len(offsets))
	base := 0
	for _, o := range ops {
		data, from := o.Data, base
		base += len(data)
		for len(offsets) > 0 && offsets[0] < base {
			if n := offsets[0] - from; n > 0 {
				piece := o
				piece.Data = data[:n]
				data, from = data[n:], offsets[0]
				out = append(out, piece)
			}
			offsets = offsets[1:]
		}
		o.Data = data
		out = append(out, o)
	}
	return out
}

// ends plays the transcript with the end of each side in the call that brings
// its last bytes, where nothing else stands between the two.
func (k *kit) ends() {
	k.t.Helper()
	var ops []op
	for _, o := range k.ops {
		if last := len(ops) - 1; o.EOF && last >= 0 && ops[last].Side == o.Side && len(ops[last].Data) > 0 && ops[last].Time == o.Time {
			ops[last].EOF, ops[last].Aborted = true, o.Aborted
			continue
		}
		ops = append(ops, o)
	}
	k.same(k.run(ops), "with EOF in the call that brings the last bytes")
}

// beside plays the transcript to two parsers by turns: they must share nothing.
func (k *kit) beside() {
	k.t.Helper()
	a, b := newPlay(&k.c), newPlay(&k.c)
	for i := range k.ops {
		a.next(k.ops[i])
		if i > 0 {
			b.next(k.ops[i-1])
		}
	}
	b.next(k.ops[len(k.ops)-1])
	k.same(a, "beside another flow, one step ahead")
	k.same(b, "beside another flow, one step behind")
}

// afterwards plays the transcript to a parser that was Reset at each step of
// another play of it.
func (k *kit) afterwards() {
	k.t.Helper()
	for n := range k.ops {
		before := newPlay(&k.c)
		before.all(k.ops[:n+1])
		if k.rules(before, "as written"); !before.reset() {
			return
		}
		p := newPlay(&k.c)
		p.stream, p.dgram, p.again = before.stream, before.dgram, true
		p.all(k.ops)
		k.same(p, fmt.Sprintf("after step %d of it", n+1))
	}
}
