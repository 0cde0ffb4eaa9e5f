package jsonenc

import (
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// entry is one key of a map, with its value.
type entry struct {
	key   string
	value reflect.Value
}

// compileMap returns the plan of a map with string keys. Maps are for what is
// rare: their entries are collected and sorted for each value.
func (e *Encoder) compileMap(t reflect.Type) encodeFunc {
	if t.Key().Kind() != reflect.String {
		return nil
	}
	elem := e.planOf(t.Elem())
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		v := reflect.NewAt(t, p).Elem()
		if v.IsNil() || !e.enter() {
			return append(dst, "null"...)
		}
		entries := make([]entry, 0, v.Len())
		for r := v.MapRange(); r.Next(); {
			entries = append(entries, entry{r.Key().String(), r.Value()})
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		if len(entries) > e.MaxArray {
			entries, e.Cut = entries[:e.MaxArray], true
		}
		value := reflect.New(t.Elem())
		dst = append(dst, '{')
		for i, x := range entries {
			if !e.room(dst, 2+fieldRoom) {
				break
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			e.end -= fieldRoom // kept for the value
			dst = e.appendString(dst, x.key)
			e.end += fieldRoom
			dst = append(dst, ':')
			value.Elem().Set(x.value)
			dst = elem(e, dst, value.UnsafePointer())
		}
		e.leave()
		return append(dst, '}')
	}
}
