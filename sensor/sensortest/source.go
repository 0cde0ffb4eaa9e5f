package sensortest

//lint:file-ignore ST1005 errors begin with the names of fields and methods

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"flowscope/sensor"
)

// Source reads Sources that open returns, each anew and of records that come to
// an end, and reports each rule of [sensor.Source] that is broken:
//
//   - Every field that the Kind of a Record gives a meaning to is set, whatever
//     was in the Record before, and makes sense: From is 0 or 1, the Key is
//     canonical, the Payload is no longer than WireLen.
//   - The books of an Accountant balance after each Read.
//   - The final error comes again and again; after Close, Read returns
//     net.ErrClosed or that error.
//   - Close may be called twice, and unblocks a Read in another goroutine.
//
// It returns how many records of each kind there were.
func Source(t testing.TB, open func() sensor.Source) map[sensor.Kind]int {
	t.Helper()
	kinds := readAll(t, open())
	closeEarly(t, open())
	closeWhileReading(t, open())
	return kinds
}

// dirty is what a Record may hold before Read: values that no Record has.
func dirty() sensor.Record {
	r := sensor.Record{
		Kind: 0xee, From: 0xee, TCPFlags: 0xee, Flags: 0xee, Reason: 0xee,
		Time: -0x1111111111111111, Ordinal: 0xeeeeeeee, WireLen: -1, Payload: []byte("stale"),
		Count: sensor.Counters{Packets: 0xeeee, Bytes: 0xeeee, FrameBytes: 0xeeee, PayloadBytes: 0xeeee},
		Encap: sensor.Encap{VLAN: [2]uint16{0xeeee, 0xeeee}, Tunnel: 0xee},
	}
	r.Key.Kind, r.Key.Addr[0] = 0xee, [16]byte{0xff, 0xff}
	return r
}

func readAll(t testing.TB, src sensor.Source) map[sensor.Kind]int {
	t.Helper()
	kinds := map[sensor.Kind]int{}
	books, _ := src.(sensor.Accountant)
	var last error
	for n := 1; ; n++ {
		r := dirty()
		if last = src.Read(&r); last != nil {
			break
		}
		if err := checkRecord(&r); err != nil {
			t.Fatalf("record %d: %v\n%+v", n, err, r)
		}
		kinds[r.Kind]++
		if books != nil {
			balance(t, books, n)
		}
	}
	if books != nil {
		balance(t, books, -1)
	}
	for range 3 {
		var r sensor.Record
		if err := src.Read(&r); err == nil || err.Error() != last.Error() {
			t.Fatalf("Read after the final error %q = %v", last, err)
		}
	}
	closeTwice(t, src)
	var r sensor.Record
	if err := src.Read(&r); !errors.Is(err, net.ErrClosed) && (err == nil || err.Error() != last.Error()) {
		t.Fatalf("Read after Close = %v, want net.ErrClosed or %q", err, last)
	}
	return kinds
}

func balance(t testing.TB, books sensor.Accountant, n int) {
	t.Helper()
	var l sensor.Ledger
	books.Account(&l)
	if err := l.Check(); err != nil {
		if n < 0 {
			t.Fatalf("after the last record: %v", err)
		}
		t.Fatalf("after record %d: %v", n, err)
	}
}

func closeTwice(t testing.TB, src sensor.Source) {
	t.Helper()
	if err := src.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
	if err := src.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatalf("second Close = %v, want nil or net.ErrClosed", err)
	}
}

func closeEarly(t testing.TB, src sensor.Source) {
	t.Helper()
	var r sensor.Record
	first := src.Read(&r)
	closeTwice(t, src)
	err := src.Read(&r)
	if err == nil || !errors.Is(err, net.ErrClosed) && (first == nil || err.Error() != first.Error()) {
		t.Fatalf("Read after an early Close = %v, want net.ErrClosed", err)
	}
}

// patience is how long Close may take to unblock a Read.
const patience = 10 * time.Second

func closeWhileReading(t testing.TB, src sensor.Source) {
	t.Helper()
	done := make(chan struct{})
	begun := make(chan struct{})
	go func() {
		close(begun)
		var r sensor.Record
		for {
			if err := src.Read(&r); err != nil {
				close(done)
				return
			}
		}
	}()
	<-begun
	closeTwice(t, src)
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("Close did not unblock Read within %v", patience)
	}
}

func checkRecord(r *sensor.Record) error {
	switch r.Kind {
	case sensor.Tick:
		if r.Ordinal != 0 {
			return fmt.Errorf("a Tick has Ordinal %d, want 0", r.Ordinal)
		}
		return nil
	case sensor.Packet, sensor.Snapshot, sensor.Lost:
	default:
		return fmt.Errorf("its Kind is %v", r.Kind)
	}
	if r.Time == dirty().Time {
		return errors.New("its Time is not set")
	}
	if r.From > 1 {
		return fmt.Errorf("its From is %d", r.From)
	}
	if err := checkKey(r.Key); err != nil {
		return err
	}
	if c := r.Count; c.Packets == 0xeeee && c.Bytes == 0xeeee && c.FrameBytes == 0xeeee {
		return errors.New("its Count is not set")
	}
	switch r.Kind {
	case sensor.Packet:
		return checkPacket(r)
	case sensor.Lost:
		if r.Reason == sensor.LossNone || r.Reason > sensor.LossChecksum {
			return fmt.Errorf("the Reason of a Lost record is %v", r.Reason)
		}
		if r.Count.PayloadBytes == 0 {
			return errors.New("a Lost record says that nothing was lost")
		}
	}
	return nil
}

func checkKey(k sensor.Key) error {
	if k.Kind > sensor.MACPair {
		return fmt.Errorf("its Key.Kind is %v", k.Kind)
	}
	again := k
	if again.Canonicalize() != 0 || again != k {
		return fmt.Errorf("its Key %v is not canonical", k)
	}
	if k.Kind != sensor.FiveTuple && (k.Port != [2]uint16{} || k.Proto != 0) {
		return fmt.Errorf("a Key of kind %v has ports or a protocol", k.Kind)
	}
	return nil
}

func checkPacket(r *sensor.Record) error {
	const known = sensor.Fragment | sensor.FragmentConflict | sensor.BadChecksum
	switch {
	case r.Ordinal == 0 || r.Ordinal == dirty().Ordinal:
		return errors.New("the Ordinal of a Packet is not set")
	case r.Flags&^known != 0:
		return fmt.Errorf("its Flags are %#x", r.Flags)
	case r.WireLen < 0:
		return fmt.Errorf("its WireLen is %d", r.WireLen)
	case len(r.Payload) > r.WireLen:
		return fmt.Errorf("%d bytes of Payload, but WireLen is %d", len(r.Payload), r.WireLen)
	case r.Encap.Tunnel > sensor.PPPoE || r.Encap.VLAN == dirty().Encap.VLAN:
		return fmt.Errorf("its Encap is %v", r.Encap)
	case r.Key.Kind == sensor.FiveTuple && r.Key.Proto != sensor.ProtoTCP && r.TCPFlags != 0:
		return fmt.Errorf("the TCPFlags of %v are %#x", r.Key.Proto, r.TCPFlags)
	case r.Count == (sensor.Counters{}):
		return nil // counted elsewhere
	case r.Count.Packets == 0:
		return errors.New("its Count has bytes but no packets")
	}
	return nil
}
