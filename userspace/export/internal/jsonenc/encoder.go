package jsonenc

import (
	"reflect"
	"unsafe"

	"flowscope/userspace/export/internal/safetext"
)

// Caps of an Encoder, unless it is told otherwise.
const (
	MaxArray = 256       // elements of a slice, array or map
	MaxDepth = 16        // objects and arrays in one another
	MaxValue = 60 * 1024 // bytes of a whole value
)

// fieldRoom is what must be free before anything is written: any scalar, an
// empty string, or a container's brackets fit into it.
const fieldRoom = 2 * safetext.MinRoom

// Encoder writes values as JSON. It belongs to one goroutine. A cap that is 0
// is the default.
type Encoder struct {
	MaxString int // bytes of a string
	MaxArray  int // elements of a slice, array or map
	MaxValue  int // bytes of a whole value

	// Cut says that the value written last is not complete: a cap was reached.
	Cut bool

	// Clock writes timestamps, here and in the record around the value.
	Clock Clock

	plans map[reflect.Type]encodeFunc
	end   int // length of dst at which nothing more is begun
	depth int
	value unsafe.Pointer // what Append was given a pointer to
}

// encodeFunc appends the value of its type at p, for which there is room of
// fieldRoom at least. Reflection says once what is where; to ask it for each
// value would cost more than writing it.
type encodeFunc func(e *Encoder, dst []byte, p unsafe.Pointer) []byte

// Append appends v as JSON in at most MaxValue bytes. It does not keep v.
func (e *Encoder) Append(dst []byte, v any) []byte {
	e.setDefaults()
	e.Cut, e.depth = false, 0
	// Closing brackets may go beyond the end, one for each level.
	e.end = len(dst) + max(e.MaxValue-MaxDepth-len("null"), fieldRoom)
	rv := reflect.ValueOf(v)
	if !rv.IsValid() {
		return append(dst, "null"...)
	}
	if rv.Kind() != reflect.Pointer {
		p := reflect.New(rv.Type())
		p.Elem().Set(rv)
		rv = p
	}
	e.value = rv.UnsafePointer()
	dst = e.planOf(rv.Type())(e, dst, unsafe.Pointer(&e.value))
	e.value = nil
	return dst
}

// AppendString appends s as a JSON string and, like Append, says in Cut whether
// it is all there.
func (e *Encoder) AppendString(dst []byte, s string) []byte {
	e.setDefaults()
	dst, e.Cut = safetext.AppendJSON(dst, s, e.MaxString, e.MaxValue)
	return dst
}

func (e *Encoder) setDefaults() {
	if e.plans == nil {
		e.plans = make(map[reflect.Type]encodeFunc)
	}
	if e.MaxString <= 0 {
		e.MaxString = safetext.MaxString
	}
	if e.MaxArray <= 0 {
		e.MaxArray = MaxArray
	}
	if e.MaxValue <= 0 {
		e.MaxValue = MaxValue
	}
}

// planOf returns the plan of a type, compiling it the first time.
func (e *Encoder) planOf(t reflect.Type) encodeFunc {
	if f, ok := e.plans[t]; ok {
		return f
	}
	// A type that contains itself finds this stand-in while it is compiled.
	var f encodeFunc
	e.plans[t] = func(e *Encoder, dst []byte, p unsafe.Pointer) []byte { return f(e, dst, p) }
	f = e.compile(t)
	if f == nil {
		f = appendNull
	}
	e.plans[t] = f
	return f
}

func appendNull(_ *Encoder, dst []byte, _ unsafe.Pointer) []byte { return append(dst, "null"...) }

// room reports whether n bytes may be written in addition to one scalar. If
// not, the value is marked as cut.
func (e *Encoder) room(dst []byte, n int) bool {
	if e.end-len(dst) >= n+fieldRoom {
		return true
	}
	e.Cut = true
	return false
}

// enter goes one level down, unless that is too deep.
func (e *Encoder) enter() bool {
	if e.depth == MaxDepth {
		e.Cut = true
		return false
	}
	e.depth++
	return true
}

func (e *Encoder) leave() { e.depth-- }

// appendString appends s as a JSON string.
func (e *Encoder) appendString(dst []byte, s string) []byte {
	dst, cut := safetext.AppendJSON(dst, s, e.MaxString, max(e.end-len(dst), safetext.MinRoom))
	e.Cut = e.Cut || cut
	return dst
}

func (e *Encoder) appendBytes(dst, s []byte) []byte {
	dst, cut := safetext.AppendJSONBytes(dst, s, e.MaxString, max(e.end-len(dst), safetext.MinRoom))
	e.Cut = e.Cut || cut
	return dst
}
