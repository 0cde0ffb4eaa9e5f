package sensortest

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"flowscope/sensor"
)

// Render returns a message as one line of text, the same for equal messages:
// JSON by the struct's tags, except that strings and slices of bytes both show
// as strings in Go's syntax, and durations as Go writes them. Two messages that
// differ in what an export would show differ in their texts.
func Render(m sensor.Message) string {
	return string(appendValue(nil, reflect.ValueOf(m), 0))
}

// maxDepth bounds Render where a message points back to itself.
const maxDepth = 32

var (
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	durationType  = reflect.TypeFor[time.Duration]()
)

func appendValue(b []byte, v reflect.Value, depth int) []byte {
	if !v.IsValid() {
		return append(b, "null"...)
	}
	if depth > maxDepth {
		return append(b, `"…"`...)
	}
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return append(b, "null"...)
	}
	if v.Type().Implements(textMarshaler) && v.CanInterface() {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return strconv.AppendQuote(b, "error: "+err.Error())
		}
		return strconv.AppendQuote(b, string(text))
	}
	if v.Type() == durationType {
		return strconv.AppendQuote(b, v.Interface().(time.Duration).String())
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return appendValue(b, v.Elem(), depth+1)
	case reflect.Struct:
		return appendStruct(b, v, depth)
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.String:
		return strconv.AppendQuote(b, v.String())
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.AppendUint(b, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	}
	return strconv.AppendQuote(b, fmt.Sprintf("unsupported type %v", v.Type()))
}

func appendStruct(b []byte, v reflect.Value, depth int) []byte {
	b = append(b, '{')
	start := len(b)
	b = appendFields(b, v, depth, start)
	return append(b, '}')
}

func appendFields(b []byte, v reflect.Value, depth, start int) []byte {
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		if f.embedded {
			b = appendFields(b, fv, depth, start)
			continue
		}
		if f.omitZero && isZero(fv) || f.omitEmpty && isEmpty(fv) {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, f.name...)
		b = appendValue(b, fv, depth+1)
	}
	return b
}

// field is how a field of a struct shows.
type field struct {
	index               int
	name                string // quoted, with the colon
	embedded            bool   // its fields show as if they were the struct's
	omitZero, omitEmpty bool
}

// plans remembers fieldsOf by type, as encoding/json does: the kit renders the same
// few types millions of times. It changes, but nobody can tell.
var plans sync.Map

// fieldsOf returns the fields of a struct that show.
func fieldsOf(t reflect.Type) []field {
	if known, ok := plans.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct
		if !embedded && (!f.IsExported() || name == "-" && options == "") {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, field{
			index: i, name: strconv.Quote(name) + ":", embedded: embedded,
			omitZero: strings.Contains(options, "omitzero"), omitEmpty: strings.Contains(options, "omitempty"),
		})
	}
	plans.Store(t, fields)
	return fields
}

func isZero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// isEmpty is as omitempty of encoding/json: structs are never empty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func appendList(b []byte, v reflect.Value, depth int) []byte {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Slice {
			return strconv.AppendQuote(b, string(v.Bytes()))
		}
		text := make([]byte, v.Len())
		for i := range text {
			text[i] = byte(v.Index(i).Uint())
		}
		return strconv.AppendQuote(b, string(text))
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, v.Index(i), depth+1)
	}
	return append(b, ']')
}

func appendMap(b []byte, v reflect.Value, depth int) []byte {
	var pairs []string
	for it := v.MapRange(); it.Next(); {
		pair := append(appendValue(nil, it.Key(), depth+1), ':')
		pairs = append(pairs, string(appendValue(pair, it.Value(), depth+1)))
	}
	slices.Sort(pairs)
	return append(append(append(b, '{'), strings.Join(pairs, ",")...), '}')
}
