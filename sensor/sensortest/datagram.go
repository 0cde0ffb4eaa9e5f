package sensortest

import (
	"fmt"
	"slices"
	"testing"

	"flowscope/sensor"
)

// Datagram is [Test.Datagram] with nothing but a protocol.
func Datagram(t testing.TB, p sensor.Protocol, tr *Transcript) {
	t.Helper()
	Test{Protocol: p}.Datagram(t, tr)
}

// Datagram plays a transcript to parsers of a datagram protocol and reports
// each rule of [sensor.DatagramParser] that is broken:
//
//   - What comes is what the transcript wants, if it says.
//   - Parse does not write to Data, does not keep it, does not call emit later.
//   - The same messages come beside another flow and, if the parser is a
//     [sensor.Resetter], after another.
//   - Datagrams that are lost, doubled, exchanged, cut short (with Missing said
//     and without) or changed cause no panic, break no rule, and do not make it
//     allocate more than 16 times the input and a megabyte.
//
// What a lost datagram makes of those behind it is the protocol's matter: put
// it into a transcript.
func (c Test) Datagram(t testing.TB, tr *Transcript) {
	t.Helper()
	if !tr.Datagram {
		t.Fatalf("%s: a stream, for a test of datagrams", tr.Name)
	}
	if c.Protocol.Transport == sensor.ProtoTCP || c.Protocol.NewDatagram == nil || c.Protocol.Name == "" {
		t.Fatal("the Protocol has no Name, is for ProtoTCP, or has no NewDatagram")
	}
	k := newKit(t, c, tr)
	k.lending()
	k.expect()
	k.beside()
	k.afterwards()
	k.disorder()
	k.shortened()
	k.mutants()
	k.probe()
}

// disorder loses, doubles and exchanges datagrams.
func (k *kit) disorder() {
	k.t.Helper()
	for i := range k.ops {
		lost := slices.Delete(slices.Clone(k.ops), i, i+1)
		k.rules(k.run(lost), fmt.Sprintf("without datagram %d", i+1))
		if k.ops[i].EOF {
			continue
		}
		doubled := slices.Insert(slices.Clone(k.ops), i, k.ops[i])
		k.rules(k.run(doubled), fmt.Sprintf("with datagram %d twice", i+1))
		if i > 0 {
			exchanged := slices.Clone(k.ops)
			exchanged[i-1], exchanged[i] = exchanged[i], exchanged[i-1]
			k.rules(k.run(exchanged), fmt.Sprintf("with datagrams %d and %d exchanged", i, i+1))
		}
	}
}

// shortened cuts datagrams, as a snap length does.
func (k *kit) shortened() {
	k.t.Helper()
	step := max(1, 2*k.size/k.plays(k.size))
	for i, o := range k.ops {
		for n := 0; n < len(o.Data); n += step {
			for _, missing := range []int{0, len(o.Data) - n} {
				ops := slices.Clone(k.ops)
				ops[i].Data, ops[i].Missing = o.Data[:n], missing
				k.rules(k.run(ops), fmt.Sprintf("with datagram %d cut to %d bytes, missing %d", i+1, n, missing))
			}
		}
	}
}
