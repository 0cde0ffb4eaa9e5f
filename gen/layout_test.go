package gen

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"

	"flowscope/sensor"
)

// TestLayout compares size and offsets of the Go types with those that the
// compiler wrote into the object.
func TestLayout(t *testing.T) {
	spec, err := LoadSensor()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"fs_key": Key{}, "fs_dir": Dir{}, "fs_flow": Flow{}, "fs_record": Record{}, "fs_sum": Sum{},
		"fs_ledger": Ledger{}, "fs_control": Control{}, "fs_poke": Poke{},
	} {
		var c *btf.Struct
		if err := spec.Types.TypeByName(name, &c); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		g := reflect.TypeOf(v)
		if got, want := g.Size(), uintptr(c.Size); got != want {
			t.Errorf("%s has %d bytes in Go, %d in C", name, got, want)
		}
		if got, want := g.NumField()-1, len(c.Members); got != want { // structs.HostLayout
			t.Errorf("%s has %d fields in Go, %d in C", name, got, want)
			continue
		}
		end := uintptr(0)
		for i, m := range c.Members {
			f := g.Field(i + 1)
			if got, want := f.Offset, uintptr(m.Offset.Bytes()); got != want {
				t.Errorf("%s.%s is at %d in Go, at %d in C", name, m.Name, got, want)
			}
			if f.Offset != end {
				t.Errorf("%s has a hole of %d bytes before %s", name, f.Offset-end, m.Name)
			}
			end = f.Offset + f.Type.Size()
		}
		if end != g.Size() {
			t.Errorf("%s has a hole of %d bytes at its end", name, g.Size()-end)
		}
	}
	if unsafe.Sizeof(Record{}) != RecordSize {
		t.Errorf("a Record has %d bytes, RecordSize is %d", unsafe.Sizeof(Record{}), RecordSize)
	}
}

// TestKeyIsTheSensors holds the kernel's key against sensor.Key.
func TestKeyIsTheSensors(t *testing.T) {
	a, b := reflect.TypeFor[Key](), reflect.TypeFor[sensor.Key]()
	if a.Size() != b.Size() {
		t.Fatalf("the kernel's key has %d bytes, sensor.Key %d", a.Size(), b.Size())
	}
	for i, name := range []string{"Addr", "Port", "Tunnel", "VLAN", "Proto", "Kind"} {
		f, ok := b.FieldByName(name)
		if g := a.Field(i + 1); !ok || g.Offset != f.Offset || g.Type.Size() != f.Type.Size() {
			t.Errorf("%s is at %d with %d bytes, in sensor.Key at %d with %d", g.Name, g.Offset, g.Type.Size(), f.Offset, f.Type.Size())
		}
	}
}
