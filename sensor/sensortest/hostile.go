package sensortest

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"

	"flowscope/sensor"
)

// gaps takes bytes away at every offset of each side.
func (k *kit) gaps() {
	k.t.Helper()
	truth := [2][]string{}
	for _, l := range k.truth.lines {
		if l.message {
			truth[l.side] = append(truth[l.side], l.text)
		}
	}
	lengths := []int{1, 2, 7, 40}
	for side := range truth {
		total := 0
		for _, o := range k.ops {
			if int(o.Side) == side {
				total += len(o.Data)
			}
		}
		step := max(1, total*len(lengths)/k.plays(k.size))
		for at := 0; at < total; at += step {
			for _, n := range append(lengths, 1+k.rng.IntN(total-at)) {
				n = min(n, total-at)
				p := k.run(without(k.ops, sensor.Side(side), at, n))
				k.honest(p, truth, fmt.Sprintf("with bytes %d to %d of the %v lost", at, at+n, sensor.Side(side)))
			}
		}
	}
}

// honest ends the test unless the messages of a play are true ones, in order,
// or say of themselves that they are damaged.
func (k *kit) honest(p *play, truth [2][]string, how string) {
	k.t.Helper()
	k.rules(p, how)
	next := [2]int{}
	for _, l := range p.lines {
		if !l.message || l.damaged {
			continue
		}
		i := slices.Index(truth[l.side][next[l.side]:], l.text)
		if i < 0 {
			k.t.Fatalf("%s: %s%s: this came, and is not true:\n  got  %s", k.tr.Name, how, p.note(), l.text)
		}
		next[l.side] += i + 1
	}
}

// without returns ops with a gap in place of n bytes of a side's stream.
func without(ops []op, side sensor.Side, from, n int) []op {
	var out []op
	pos, told := 0, false
	for _, o := range ops {
		if o.Side != side || len(o.Data) == 0 {
			out = append(out, o)
			continue
		}
		start, end := pos, pos+len(o.Data)
		pos = end
		lo, hi := max(start, from), min(end, from+n)
		if lo >= hi {
			out = append(out, o)
			continue
		}
		head, tail, gap := o, o, o
		head.Data, tail.Data = o.Data[:lo-start], o.Data[hi-start:]
		gap.Data, gap.Gap = nil, int64(n)
		if len(head.Data) > 0 {
			out = append(out, head)
		}
		if !told {
			out, told = append(out, gap), true
		}
		if len(tail.Data) > 0 {
			out = append(out, tail)
		}
	}
	return out
}

// truncations ends the transcript at every offset.
func (k *kit) truncations() {
	k.t.Helper()
	for _, n := range k.offsets(k.plays(k.size)) {
		ops, left := []op(nil), n
		for _, o := range k.ops {
			if len(o.Data) > left {
				o.Data = o.Data[:left]
			}
			if left == 0 && !o.EOF || o.step < 0 {
				continue
			}
			left -= len(o.Data)
			if o.EOF && left == 0 {
				continue
			}
			ops = append(ops, o)
		}
		how := fmt.Sprintf("ending after %d bytes", n)
		ops = abort(ops)
		p := k.run(ops)
		k.rules(p, how)
		var got []string
		for _, l := range p.lines {
			if l.message && l.step >= 0 {
				got = append(got, l.text)
			}
		}
		want := k.truth.texts()
		if len(got) > len(want) {
			k.t.Fatalf("%s: %s: more came than from the whole: %s", k.tr.Name, how, got[len(want)])
		}
		k.compare(got, want[:len(got)], how+p.note())
	}
}

// abort ends the sides that ops do not end.
func abort(ops []op) []op {
	tr := Transcript{}
	for _, o := range ops {
		tr.Steps = append(tr.Steps, o.Step)
	}
	return opsOf(&tr)
}

// mutants plays transcripts with bytes that no honest peer sends.
func (k *kit) mutants() {
	k.t.Helper()
	if k.size == 0 {
		return
	}
	for i := range min(2000, 50*k.size, k.plays(4*k.size)) {
		ops := k.mutate()
		how := fmt.Sprintf("hostile change %d", i)
		k.changed = ops
		p := k.run(ops)
		k.rules(p, how)
		if k.tr.Datagram {
			continue
		}
		k.sameAs(k.run(cut(ops, k.randomCuts())), p, how+", cut at random")
	}
	for i := range 20 {
		ops, how := k.mutate(), fmt.Sprintf("further hostile change %d", i)
		k.changed = ops
		k.rules(k.run(ops), how)
		k.allocation(ops, how)
	}
	k.changed = nil
	k.allocation(k.ops, "as written")
}

// mutate returns ops with some bytes flipped, set to extremes or exchanged.
func (k *kit) mutate() []op {
	ops := slices.Clone(k.ops)
	for range 1 + k.rng.IntN(3) {
		i := k.rng.IntN(len(ops))
		if len(ops[i].Data) == 0 {
			continue
		}
		b := bytes.Clone(ops[i].Data)
		at := k.rng.IntN(len(b))
		if k.rng.IntN(2) == 0 {
			at = min(at, k.rng.IntN(16)) // headers
		}
		switch k.rng.IntN(5) {
		case 0:
			b[at] ^= 1 << k.rng.IntN(8)
		case 1:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[k.rng.IntN(5)]
		case 2: // a length field of four bytes
			for j := at; j < min(at+4, len(b)); j++ {
				b[j] = 0xff
			}
		case 3:
			b = b[:at]
		case 4: // said twice
			b = append(b[:at:at], append(bytes.Clone(b[at/2:at]), b[at:]...)...)
		}
		ops[i].Data = b
	}
	return ops
}

// dump returns ops as a transcript, on lines of its own; nothing of no ops.
func dump(ops []op) string {
	if ops == nil {
		return ""
	}
	var tr Transcript
	for _, o := range ops {
		if o.step >= 0 {
			tr.Steps = append(tr.Steps, o.Step)
		}
	}
	if s := tr.String(); len(s) < 2000 {
		return "\n" + s
	}
	return " (too long to show)"
}

// allocation ends the test if a play allocates out of proportion.
func (k *kit) allocation(ops []op, how string) {
	k.t.Helper()
	size := 0
	for _, o := range ops {
		size += len(o.Data)
	}
	limit := uint64(16*size + 1<<20)
	least := ^uint64(0)
	for range 3 { // other goroutines allocate too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		bare(k.c.Protocol, ops)
		runtime.ReadMemStats(&after)
		if least = min(least, after.TotalAlloc-before.TotalAlloc); least <= limit {
			return
		}
	}
	k.t.Fatalf("%s: %s: %d bytes allocated for %d bytes of input, more than %d%s", k.tr.Name, how, least, size, limit, dump(ops))
}

// bare plays ops with one buffer per side and without looking at what comes.
func bare(protocol sensor.Protocol, ops []op) {
	ignore := func(sensor.Message) {}
	if protocol.Transport != sensor.ProtoTCP {
		p := protocol.NewDatagram()
		for _, o := range ops {
			_ = p.Parse(segmentOf(o), ignore)
		}
		return
	}
	p := protocol.NewStream()
	var buf [2][]byte
	var k skips
	for _, o := range ops {
		if o.Gap > 0 {
			if k.passed[o.Side] > 0 {
				n, err := p.Parse(sensor.Segment{Side: o.Side, Time: o.Time, Skipped: k.told(o.Side)}, ignore)
				if k.ask(o.Side, n, 0, err); err != nil {
					return
				}
			}
			k.lose(o.Side, int64(len(buf[o.Side]))+o.Gap)
			if r, ok := p.(sensor.Resyncer); !ok || !r.Resync(o.Side, int64(len(buf[o.Side]))+o.Gap) {
				return
			}
			buf[o.Side] = nil
			continue
		}
		s := segmentOf(o)
		s.Data = append(buf[o.Side], k.pass(o.Side, o.Data)...)
		if k.left[o.Side] > 0 && !o.EOF {
			continue
		}
		s.Skipped = k.told(o.Side)
		n, err := p.Parse(s, ignore)
		if err != nil {
			return
		}
		buf[o.Side] = s.Data[k.ask(o.Side, n, len(s.Data), err):]
	}
}

func segmentOf(o op) sensor.Segment {
	return sensor.Segment{Side: o.Side, Time: o.Time, Data: o.Data, Missing: o.Missing, EOF: o.EOF, Aborted: o.Aborted}
}

// probe shows Protocol.Probe ever more of each side's first bytes.
func (k *kit) probe() {
	k.t.Helper()
	if k.c.Protocol.Probe == nil {
		return
	}
	for _, side := range []sensor.Side{sensor.Initiator, sensor.Responder} {
		data := k.first(side)
		verdicts := make([]sensor.Verdict, len(data)+1)
		lent := bytes.Clone(data)
		for n := range verdicts {
			verdicts[n] = k.c.Protocol.Probe(side, lent[:n:n])
		}
		if !bytes.Equal(lent, data) {
			k.t.Fatalf("%s: Probe wrote to the bytes it was lent", k.tr.Name)
		}
		whole := verdicts[len(data)]
		if whole == sensor.No || whole == sensor.Unsure || k.tr.Datagram {
			continue
		}
		if n := slices.Index(verdicts, sensor.No); n >= 0 {
			k.t.Fatalf("%s: Probe recognises the first %d bytes of the %v, but refuses the first %d of them", k.tr.Name, len(data), side, n)
		}
		if n := slices.Index(verdicts, whole); slices.ContainsFunc(verdicts[n:], func(v sensor.Verdict) bool { return v != whole }) {
			k.t.Fatalf("%s: Probe of the %v changes its mind after it recognised the first %d bytes", k.tr.Name, side, n)
		}
	}
}

// first returns what a side sends before anything of it is lost, at most 2 KiB;
// of datagrams, the first.
func (k *kit) first(side sensor.Side) []byte {
	var data []byte
	for _, o := range k.ops {
		if o.Side != side {
			continue
		}
		data = append(data, o.Data...)
		if o.Gap > 0 || len(data) >= 2<<10 || k.tr.Datagram {
			break
		}
	}
	return data[:min(len(data), 2<<10)]
}
