package jsonenc

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"flowscope/sensor"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

type code uint8

func (c code) MarshalText() ([]byte, error) {
	if c == 0 {
		return nil, errors.New("no code")
	}
	return []byte("code\x1b" + string('a'+rune(c))), nil
}

type quick uint8

func (q quick) AppendText(b []byte) ([]byte, error) { return append(b, "quick"...), nil }

type base struct {
	ID    int `json:"id"`
	Twice string
}

type Other struct {
	Twice string
	Deep  int
}

type node struct {
	Name string `json:"name"`
	Next *node  `json:"next,omitempty"`
}

type everything struct {
	base
	*Other
	Text     string             `json:"text"`
	Bytes    []byte             `json:"bytes"`
	NoBytes  []byte             `json:"no_bytes,omitempty"`
	Signed   int8               `json:"signed"`
	Big      uint64             `json:"big"`
	Quoted   uint64             `json:"quoted,string"`
	Float    float64            `json:"float"`
	NaN      float64            `json:"nan"`
	Yes      bool               `json:"yes"`
	Addr     netip.Addr         `json:"addr"`
	NoAddr   netip.Addr         `json:"no_addr"`
	ZeroAddr netip.Addr         `json:"zero_addr,omitzero"`
	At       sensor.Timestamp   `json:"at"`
	RTT      time.Duration      `json:"rtt"`
	Code     code               `json:"code"`
	BadCode  code               `json:"bad_code"`
	Codes    []code             `json:"codes"`
	Quick    quick              `json:"quick"`
	Nested   struct{ X, Y int } `json:"nested"`
	Strings  []string           `json:"strings"`
	Empty    []string           `json:"empty"`
	Array    [3]byte            `json:"array"`
	Map      map[string]int     `json:"map"`
	Pointer  *int               `json:"pointer"`
	Nil      *int               `json:"nil"`
	Any      any                `json:"any"`
	List     node               `json:"list"`
	Err      error              `json:"err"`
	Time     time.Time          `json:"time"`
	Hidden   string             `json:"-"`
	//lint:ignore SA5008 it names the field "-"
	Dash       string `json:"-,"`
	Channel    chan int
	Untagged   string
	unexported int
}

func example() *everything {
	one := 1
	return &everything{
		base: base{ID: 7, Twice: "hidden"}, Text: "a\nb", Bytes: []byte("raw\xff"), Signed: -5, Big: math.MaxUint64, Quoted: 9,
		Float: 0.25, NaN: math.NaN(), Yes: true, Addr: netip.MustParseAddr("2001:db8::1"), At: 1_500_000_000,
		RTT: 1250 * time.Millisecond, Code: 1, Codes: []code{1, 2}, Quick: 1, Strings: []string{"x", "y"}, Array: [3]byte{1, 2, 3},
		Map: map[string]int{"b": 2, "a": 1, "\u202e": 3}, Pointer: &one, Any: []any{1, "two", nil}, List: node{"n", &node{Name: "m"}},
		Err: errors.New("bad\x07"), Time: time.Unix(0, 0).UTC(), Hidden: "h", Dash: "d", Untagged: "u", unexported: 1,
	}
}

const exampleJSON = `{"id":7,"Twice":"hidden","text":"a\nb","bytes":"raw\\xff","signed":-5,"big":18446744073709551615,"quoted":"9",` +
	`"float":0.25,"nan":null,"yes":true,"addr":"2001:db8::1","no_addr":null,"at":"1970-01-01T00:00:01.500000000Z","rtt":1.25,` +
	`"code":"code\u001bb","bad_code":null,"codes":["code\u001bb","code\u001bc"],"quick":"quick","nested":{"X":0,"Y":0},` +
	`"strings":["x","y"],"empty":null,"array":[1,2,3],"map":{"a":1,"b":2,"\u202e":3},"pointer":1,"nil":null,"any":[1,"two",null],` +
	`"list":{"name":"n","next":{"name":"m"}},"err":"bad\u0007","time":"1970-01-01T00:00:00Z","-":"d","Untagged":"u"}`

func TestAppend(t *testing.T) {
	var e Encoder
	m := example()
	got := string(e.Append(nil, m))
	// Both embedded structs have Twice at one depth; neither is promoted.
	want := strings.Replace(exampleJSON, `"Twice":"hidden",`, "", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Append (-want +got):\n%s", diff)
	}
	if e.Cut {
		t.Error("Cut is set")
	}
	m.Other = &Other{Deep: 3}
	if got := string(e.Append(nil, *m)); !strings.HasPrefix(got, `{"id":7,"Deep":3,"text"`) {
		t.Errorf("Append of a struct value = %s", got)
	}
}

func TestAppendScalars(t *testing.T) {
	tests := []struct {
		in   any
		want string
	}{
		{nil, "null"}, {"s", `"s"`}, {3, "3"}, {map[string]bool{"k": true}, `{"k":true}`}, {(*node)(nil), "null"},
		{time.Duration(0), "0.0"}, {2 * time.Second, "2.0"}, {-time.Nanosecond, "-0.000000001"},
		{time.Duration(math.MinInt64), "-9223372036.854775808"}, {1e21, "1e+21"}, {float32(0.1), "0.1"},
		{netip.MustParseAddr("fe80::1%a\x1b"), `"fe80::1%a\u001b"`}, {struct{}{}, "{}"}, {errors.New("e"), `"e"`},
		{map[int]int{1: 1}, "null"}, {[]chan int{nil}, "[null]"}, {sensor.Timestamp(0), `"1970-01-01T00:00:00.000000000Z"`},
	}
	var e Encoder
	for _, tt := range tests {
		if got := string(e.Append(nil, tt.in)); got != tt.want {
			t.Errorf("Append(%#v) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// TestPromotionIsThatOfEncodingJSON compares names with encoding/json.
func TestPromotionIsThatOfEncodingJSON(t *testing.T) {
	type Low struct {
		A, B, C int
		D       int `json:"d"`
	}
	type Mid struct {
		Low
		B int
		E int `json:"A"`
	}
	type Side struct {
		C int `json:"B"`
		F int `json:"F"`
	}
	for _, v := range []any{
		struct {
			Mid
			Side
		}{},
		struct {
			*Mid
			Side `json:"named"`
			C    int
		}{Mid: &Mid{}},
		struct {
			Low
			Mid
			Side
			netip.Addr
		}{},
	} {
		var e Encoder
		want, _ := json.Marshal(v)
		if strings.Contains(reflect.TypeOf(v).String(), "netip.Addr") {
			continue // encoding/json promotes MarshalText of the embedded Addr, as we do
		}
		if got := string(e.Append(nil, v)); got != string(want) {
			t.Errorf("%T:\n got %s\nwant %s", v, got, want)
		}
	}
}

type tree struct {
	Text     string           `json:"text"`
	Raw      []byte           `json:"raw"`
	Children []*tree          `json:"children"`
	Named    map[string]*tree `json:"named"`
	Any      any              `json:"any"`
}

func drawTree(t *rapid.T, depth int) *tree {
	raw := func() []byte { return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "raw") }
	v := &tree{Text: string(raw()), Raw: raw()}
	if depth == 0 {
		return v
	}
	for range rapid.IntRange(0, 4).Draw(t, "children") {
		v.Children = append(v.Children, drawTree(t, depth-1))
	}
	if rapid.Bool().Draw(t, "named") {
		v.Named = map[string]*tree{string(raw()): drawTree(t, depth-1), "k": nil}
		v.Any = drawTree(t, depth-1)
	}
	return v
}

func TestEveryValueIsValidAndCapped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Encoder{
			MaxString: rapid.IntRange(0, 50).Draw(t, "string"), MaxArray: rapid.IntRange(0, 5).Draw(t, "array"),
			MaxValue: rapid.IntRange(200, 5000).Draw(t, "value"),
		}
		v := drawTree(t, 3)
		got := e.Append(nil, v)
		if len(got) > e.MaxValue {
			t.Fatalf("%d bytes, cap %d: %s", len(got), e.MaxValue, got)
		}
		var back tree
		if err := json.Unmarshal(got, new(any)); err != nil {
			t.Fatalf("%v: %q", err, got)
		}
		if len(got) < e.MaxValue/2 && !e.Cut && json.Unmarshal([]byte(strings.ReplaceAll(string(got), `"raw"`, `"_"`)), &back) != nil {
			t.Fatalf("does not read back: %q", got)
		}
	})
}

func TestCyclesAreCut(t *testing.T) {
	loop := &node{Name: "loop"}
	loop.Next = loop
	type list []list
	self := list{nil}
	self[0] = self
	var ring any
	ring = &ring
	for _, v := range []any{loop, self, ring} {
		var e Encoder
		got := e.Append(nil, v)
		if !json.Valid(got) || !e.Cut {
			t.Errorf("%T: cut = %v, %.100s", v, e.Cut, got)
		}
	}
}

func TestLargeValuesAreCut(t *testing.T) {
	var e Encoder
	for _, v := range []any{make([]int, 1e6), strings.Repeat("x", 1e6), map[string]any{strings.Repeat("\x01", 1e5): make([]string, 1e5)},
		[]string(slicesRepeat(strings.Repeat("\xff", 1e4), 1000))} {
		got := e.Append(nil, v)
		if !json.Valid(got) || !e.Cut || len(got) > MaxValue {
			t.Errorf("%T: %d bytes, cut = %v, valid = %v", v, len(got), e.Cut, json.Valid(got))
		}
	}
}

func slicesRepeat(s string, n int) (out []string) {
	for range n {
		out = append(out, s)
	}
	return out
}

// answer is like what a parser emits.
type answer struct {
	ID        uint16           `json:"id"`
	Query     []byte           `json:"query"`
	Type      quick            `json:"type"`
	Response  bool             `json:"response"`
	Duration  time.Duration    `json:"duration,omitempty"`
	At        sensor.Timestamp `json:"at"`
	Addresses []netip.Addr     `json:"addresses,omitempty"`
	Records   []struct {
		Name []byte `json:"name"`
		TTL  uint32 `json:"ttl"`
	} `json:"records,omitempty"`
}

func newAnswer() *answer {
	a := &answer{ID: 4711, Query: []byte("www.shop.example"), Type: 1, Response: true, Duration: 4 * time.Millisecond, At: 1e18,
		Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8::10")}}
	a.Records = append(a.Records, struct {
		Name []byte `json:"name"`
		TTL  uint32 `json:"ttl"`
	}{[]byte("cdn.shop.example"), 300})
	return a
}

func TestAppendDoesNotAllocate(t *testing.T) {
	var e Encoder
	dst := make([]byte, 0, 1<<16)
	m := newAnswer()
	e.Append(dst, m)
	if n := testing.AllocsPerRun(100, func() { e.Append(dst, m) }); n != 0 {
		t.Errorf("%v allocations a message, want 0", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	var e Encoder
	dst := make([]byte, 0, 1<<16)
	m := newAnswer()
	b.ReportAllocs()
	b.SetBytes(int64(len(e.Append(dst, m))))
	for b.Loop() {
		e.Append(dst, m)
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	m := newAnswer()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(m); err != nil {
			b.Fatal(err)
		}
	}
}

func TestClockIsTimestampAppend(t *testing.T) {
	var c Clock
	rapid.Check(t, func(t *rapid.T) {
		ts := sensor.Timestamp(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3e9, 3e9)).Draw(t, "ts"))
		for _, u := range []sensor.Timestamp{ts, ts.Add(1), ts.Add(time.Second), ts.Add(5 * time.Hour)} {
			if got, want := string(c.Append(nil, u)), u.String(); got != want {
				t.Fatalf("Append(%d) = %s, want %s", u, got, want)
			}
		}
	})
}
