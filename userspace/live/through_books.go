//go:build linux && (amd64 || arm64)

package live

import (
	"fmt"
	"unsafe"

	"flowscope/sensor"
)

// counted is what records were made of since the maps were read, by the
// direction of a flow: what is in the maps must be the same.
type counted map[side]flowSum

type side struct {
	key  sensor.Key
	from uint8
}

type flowSum struct {
	sensor.Counters
	flags uint8
}

func (c counted) add(r *sensor.Record, flags uint8) {
	at := side{r.Key, r.From}
	sum := c[at]
	sum.Add(r.Count)
	sum.flags |= flags
	c[at] = sum
}

// compare takes what is in an epoch out of c, and returns an error if that is
// not the same. It returns how many packets there were.
func (c counted) compare(e *epoch) (packets uint64, err error) {
	for i := range e.keys {
		for from := range uint8(2) {
			d := &e.flows[i].Dir[from]
			at := side{*(*sensor.Key)(unsafe.Pointer(&e.keys[i])), from}
			got := flowSum{sensor.Counters{Packets: d.Packets, Bytes: d.Bytes, FrameBytes: d.FrameBytes, PayloadBytes: d.PayloadBytes}, d.TcpFlags}
			if want := c[at]; got != want {
				return packets, fmt.Errorf("the kernel half counted %+v of a flow (%v, side %d), and told of %+v, which is a bug: please report it", got, at.key, from, want)
			}
			packets += d.Packets
			delete(c, at)
		}
	}
	for at, sum := range c {
		return packets, fmt.Errorf("the kernel half counted nothing of a flow (%v, side %d), and told of %+v, which is a bug: please report it", at.key, at.from, sum)
	}
	return packets, nil
}

// turn empties the maps before they are full: half of one is for flows that go
// on.
func (t *Through) turn() error {
	if len(t.counted) < t.k.opt.MaxFlows/2 {
		return nil
	}
	e, err := t.epochs.turn()
	if err != nil {
		return err
	}
	return t.compare(e)
}

func (t *Through) compare(e *epoch) error {
	n, err := t.counted.compare(e)
	t.read += n
	return err
}

// Finish compares what the kernel counted of the flows, and in its ledger, with
// the records that were made of it.
func (t *Through) Finish() error {
	t.twin.Finish()
	if t.failed != nil {
		return t.failed
	}
	e, err := t.epochs.last()
	if err != nil {
		return err
	}
	if err := t.compare(e); err != nil {
		return err
	}
	b := t.k.books(&hook{})
	if ran := t.rows[byKernel] + t.rows[fragments] + t.rows[deepHeaders]; b.Frames != ran || b.Seen.Packets != ran {
		return fmt.Errorf("the kernel half counted %d frames of %d, which is a bug: please report it", b.Seen.Packets, ran)
	}
	return nil
}

// Account adds the accounts that replay has, "through_kernel", which is what
// classified the frames, and of those of the kernel half "kernel_flows" and
// "kernel_payload".
func (t *Through) Account(l *sensor.Ledger) {
	if t.final != nil {
		for _, a := range t.final.Accounts {
			l.Add(a)
		}
		return
	}
	t.twin.Account(l)
	through := sensor.Account{Stage: "through_kernel", Unit: "packets", Total: t.frames}
	for i, name := range throughNames {
		through.Rows = append(through.Rows, sensor.Row{Name: name, Count: t.rows[i]})
	}
	l.Add(through)
	b := t.k.books(&hook{})
	flows := flowsAccount(&b, t.read)
	var inMaps uint64
	for _, sum := range t.counted {
		inMaps += sum.Packets
	}
	flows.Rows = append(flows.Rows, sensor.Row{Name: "in_maps", Count: inMaps})
	l.Add(flows)
	l.Add(payloadAccount(&b))
}

var _ sensor.Accountant = (*Through)(nil)
