package jsonenc

import (
	"reflect"
)

// compile returns the plan of a type, or nil if values of it have no JSON form.
func (e *Encoder) compile(t reflect.Type) encodeFunc {
	switch {
	case t == addrType:
		return appendAddr
	case t == timestampType:
		return appendTimestamp
	case t == durationType:
		return appendDuration
	case has(t, appenderType):
		return appendTextAppender
	case has(t, marshalerType):
		return appendTextMarshaler
	case has(t, errorType):
		return appendError
	}
	switch t.Kind() {
	case reflect.Bool:
		return appendBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return appendUint
	case reflect.Float32, reflect.Float64:
		return appendFloat(t.Bits())
	case reflect.String:
		return appendString
	case reflect.Struct:
		return e.compileStruct(t)
	case reflect.Slice:
		if isByte(t.Elem()) {
			return appendBytes
		}
		return e.compileSlice(t)
	case reflect.Array:
		return e.compileSlice(t)
	case reflect.Map:
		return e.compileMap(t)
	case reflect.Pointer:
		return e.compilePointer(t)
	case reflect.Interface:
		return appendInterface
	}
	return nil
}

// isByte reports whether a slice of t is text. A named byte with methods of its
// own, such as a list of codes, is not.
func isByte(t reflect.Type) bool {
	return t.Kind() == reflect.Uint8 && !has(t, appenderType) && !has(t, marshalerType)
}

// supported reports whether a field of type t has a JSON form.
func supported(t reflect.Type) bool {
	if has(t, appenderType) || has(t, marshalerType) || has(t, errorType) {
		return true
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128, reflect.Invalid:
		return false
	case reflect.Map:
		return t.Key().Kind() == reflect.String
	case reflect.Slice, reflect.Array, reflect.Pointer:
		// A type that contains itself only through these ends nowhere; it has a
		// name then, and is left to the cap on depth.
		return t.Name() != "" || supported(t.Elem())
	}
	return true
}

func (e *Encoder) compilePointer(t reflect.Type) encodeFunc {
	elem := e.planOf(t.Elem())
	return func(e *Encoder, dst []byte, v reflect.Value) []byte {
		if v.IsNil() || !e.enter() {
			return append(dst, "null"...)
		}
		dst = elem(e, dst, v.Elem())
		e.leave()
		return dst
	}
}

func appendInterface(e *Encoder, dst []byte, v reflect.Value) []byte {
	if v.IsNil() || !e.enter() {
		return append(dst, "null"...)
	}
	dst = e.planOf(v.Elem().Type())(e, dst, v.Elem())
	e.leave()
	return dst
}

func (e *Encoder) compileSlice(t reflect.Type) encodeFunc {
	elem := e.planOf(t.Elem())
	isSlice := t.Kind() == reflect.Slice
	return func(e *Encoder, dst []byte, v reflect.Value) []byte {
		if isSlice && v.IsNil() || !e.enter() {
			return append(dst, "null"...)
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i == e.MaxArray {
				e.Cut = true
				break
			}
			if !e.room(dst, 1) {
				break
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = elem(e, dst, v.Index(i))
		}
		e.leave()
		return append(dst, ']')
	}
}
