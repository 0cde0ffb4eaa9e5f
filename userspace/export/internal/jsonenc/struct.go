package jsonenc

import (
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"flowscope/userspace/export/internal/safetext"
)

// field is one member of a struct's object.
type field struct {
	name   string
	tagged bool
	index  []int     // path through embedded structs
	hops   []uintptr // offsets of embedded pointers on that path
	offset uintptr   // in the struct behind them
	key    []byte    // `"name":`
	encode encodeFunc
	omit   func(unsafe.Pointer) bool // nil: never
}

func (e *Encoder) compileStruct(t reflect.Type) encodeFunc {
	fields := visible(collect(t, nil, nil))
	for i := range fields {
		e.compileField(t, &fields[i])
	}
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		if !e.enter() {
			return append(dst, "null"...)
		}
		dst = append(dst, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			at := f.at(p)
			if at == nil || f.omit != nil && f.omit(at) {
				continue
			}
			if !e.room(dst, len(f.key)+1) {
				break
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(dst, f.key...)
			dst = f.encode(e, dst, at)
		}
		e.leave()
		return append(dst, '}')
	}
}

// at returns where the field of the struct at p is, nil if a pointer on the way
// is nil.
func (f *field) at(p unsafe.Pointer) unsafe.Pointer {
	for _, hop := range f.hops {
		if p = *(*unsafe.Pointer)(unsafe.Add(p, hop)); p == nil {
			return nil
		}
	}
	return unsafe.Add(p, f.offset)
}

// place works out hops and offset.
func (f *field) place(t reflect.Type) {
	for _, i := range f.index {
		if t.Kind() == reflect.Pointer {
			f.hops, f.offset = append(f.hops, f.offset), 0
			t = t.Elem()
		}
		sf := t.Field(i)
		f.offset += sf.Offset
		t = sf.Type
	}
}

func (e *Encoder) compileField(t reflect.Type, f *field) {
	f.place(t)
	sf := t.FieldByIndex(f.index)
	_, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f.key, _ = safetext.AppendJSON(nil, f.name, safetext.MaxString, 1<<16)
	f.key = append(f.key, ':')
	f.encode = e.planOf(sf.Type)
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omit = either(f.omit, isEmpty(sf.Type))
		case "omitzero":
			f.omit = either(f.omit, isZero(sf.Type))
		case "string":
			if k := sf.Type.Kind(); k >= reflect.Bool && k <= reflect.Float64 {
				f.encode = quoted(f.encode)
			}
		}
	}
}

func either(a, b func(unsafe.Pointer) bool) func(unsafe.Pointer) bool {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return func(p unsafe.Pointer) bool { return a(p) || b(p) }
}

// quoted puts a number or bool into a string; what is one already stays.
func quoted(encode encodeFunc) encodeFunc {
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		start := len(dst)
		dst = encode(e, append(dst, '"'), p)
		if dst[start+1] == '"' || dst[start+1] == 'n' { // a text, or null
			return append(dst[:start], dst[start+1:]...)
		}
		return append(dst, '"')
	}
}

// isEmpty is omitempty: false, 0, nil, and what has no elements.
func isEmpty(t reflect.Type) func(unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case reflect.Slice:
		return func(p unsafe.Pointer) bool { return len(*(*[]byte)(p)) == 0 } // of whatever it is a slice
	case reflect.Array:
		return func(unsafe.Pointer) bool { return t.Len() == 0 }
	case reflect.Map:
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().Len() == 0 }
	case reflect.Struct:
		return nil
	}
	return zero(t)
}

// isZero is omitzero: what the type's IsZero method says, else the zero value.
func isZero(t reflect.Type) func(unsafe.Pointer) bool {
	if has(t, reflect.TypeFor[interface{ IsZero() bool }]()) {
		return func(p unsafe.Pointer) bool {
			z, ok := methods[interface{ IsZero() bool }](t, p)
			return !ok || z.IsZero()
		}
	}
	return zero(t)
}

// zero reports whether a value of type t is the zero value.
func zero(t reflect.Type) func(unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return ofSize(t, isNull[uint8], isNull[uint16], isNull[uint32], isNull[uint64])
	case reflect.Pointer:
		return isNull[unsafe.Pointer]
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	}
	return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
}

func isNull[T comparable](p unsafe.Pointer) bool {
	var null T
	return *(*T)(p) == null
}

// collect lists the fields of t and of the structs it embeds, in order. path
// holds the types that t is embedded in.
func collect(t reflect.Type, index []int, path []reflect.Type) (fields []field) {
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Tag.Get("json") == "-" {
			continue
		}
		at := append(slices.Clone(index), i)
		if inner, ok := embedded(sf, name); ok {
			if !slices.Contains(path, inner) && inner != t {
				fields = append(fields, collect(inner, at, append(slices.Clone(path), t))...)
			}
			continue
		}
		if !sf.IsExported() || !supported(sf.Type) {
			continue
		}
		f := field{name: name, tagged: name != "", index: at}
		if name == "" {
			f.name = sf.Name
		}
		fields = append(fields, f)
	}
	return fields
}

// embedded returns the struct whose fields are inlined for sf, if any.
func embedded(sf reflect.StructField, name string) (reflect.Type, bool) {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		if !sf.IsExported() {
			return nil, false // reflection may not follow it
		}
		t = t.Elem()
	}
	if !sf.Anonymous || name != "" || t.Kind() != reflect.Struct || t == addrType ||
		has(t, appenderType) || has(t, marshalerType) {
		return nil, false
	}
	return t, true
}

// visible keeps, of fields with one name, the one that Go would promote: the
// least deep, a tagged one before the others, none if that leaves several.
func visible(fields []field) []field {
	best := make(map[string]int, len(fields))
	for i, f := range fields {
		j, seen := best[f.name]
		switch {
		case !seen || j >= 0 && better(f, fields[j]):
			best[f.name] = i
		case j >= 0 && !better(fields[j], f):
			best[f.name] = -1 - j // a draw: none, unless a better one comes
		case j < 0 && better(f, fields[-1-j]):
			best[f.name] = i
		}
	}
	var kept []field
	for i, f := range fields {
		if best[f.name] == i {
			kept = append(kept, f)
		}
	}
	return kept
}

func better(a, b field) bool {
	if len(a.index) != len(b.index) {
		return len(a.index) < len(b.index)
	}
	return a.tagged && !b.tagged
}
