package sensortest

import (
	"net/netip"
	"testing"
	"time"

	"flowscope/sensor"
)

type inner struct {
	Name string `json:"name"`
}

type octet byte

type everything struct {
	inner
	Text    string            `json:"text"`
	Bytes   []byte            `json:"bytes"`
	Array   [3]octet          `json:"array"`
	Numbers []int16           `json:"numbers"`
	Addr    netip.Addr        `json:"addr"`
	Took    time.Duration     `json:"took"`
	At      sensor.Timestamp  `json:"at"`
	Float   float64           `json:"float"`
	OK      bool              `json:"ok"`
	Nested  *inner            `json:"nested"`
	List    []inner           `json:"list"`
	Map     map[string]uint32 `json:"map"`
	None    *int              `json:"none"`
	Empty   []byte            `json:"empty,omitempty"`
	Zero    netip.Addr        `json:"zero,omitzero"`
	Skip    int               `json:"-"`
	Any     any               `json:"any"`
	Plain   uint8
	hidden  int
}

func TestRender(t *testing.T) {
	m := &everything{
		inner: inner{"n"}, Text: "a\n\u202e", Bytes: []byte("\xff\x00b"), Array: [3]octet{'a', 'b', 0},
		Numbers: []int16{-1, 2}, Addr: netip.MustParseAddr("::1"), Took: 1500 * time.Microsecond, At: 1,
		Float: 0.5, OK: true, Nested: &inner{"x"}, List: []inner{{"y"}, {"z"}}, Map: map[string]uint32{"b": 2, "a": 1},
		Skip: 7, Any: 3, Plain: 9, hidden: 1,
	}
	want := `{"name":"n","text":"a\n\u202e","bytes":"\xff\x00b","array":"ab\x00","numbers":[-1,2],"addr":"::1","took":"1.5ms",` +
		`"at":"1970-01-01T00:00:00.000000001Z","float":0.5,"ok":true,"nested":{"name":"x"},"list":[{"name":"y"},{"name":"z"}],` +
		`"map":{"a":1,"b":2},"none":null,"any":3,"Plain":9}`
	if got := Render(m); got != want {
		t.Errorf("Render = %s\nwant     %s", got, want)
	}
}

func TestRenderOfOddities(t *testing.T) {
	type loop struct {
		Next *loop `json:"next,omitempty"`
	}
	l := &loop{}
	l.Next = l
	if got := Render(l); len(got) > 1000 {
		t.Errorf("Render of a loop has %d bytes", len(got))
	}
	for want, m := range map[string]sensor.Message{"null": nil, `"x"`: "x", `{"F":"unsupported type func()"}`: struct{ F func() }{func() {}}} {
		if got := Render(m); got != want {
			t.Errorf("Render(%T) = %s, want %s", m, got, want)
		}
	}
}
