package jsonenc

import (
	"reflect"
	"unsafe"
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
		return appendTexts(t)
	case has(t, marshalerType):
		return marshalTexts(t)
	case has(t, errorType):
		return appendErrors(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return appendBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return ofSize(t, appendInt[int8], appendInt[int16], appendInt[int32], appendInt[int64])
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return ofSize(t, appendUint[uint8], appendUint[uint16], appendUint[uint32], appendUint[uint64])
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
		return appendInterfaces(t)
	}
	return nil
}

// ofSize returns the one of four for 1, 2, 4 and 8 bytes that is for t.
func ofSize[F any](t reflect.Type, of1, of2, of4, of8 F) F {
	switch t.Size() {
	case 1:
		return of1
	case 2:
		return of2
	case 4:
		return of4
	}
	return of8
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
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		to := *(*unsafe.Pointer)(p)
		if to == nil || !e.enter() {
			return append(dst, "null"...)
		}
		dst = elem(e, dst, to)
		e.leave()
		return dst
	}
}

// appendInterfaces returns the plan of an interface type. It allocates for what
// is no pointer.
func appendInterfaces(t reflect.Type) encodeFunc {
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		v := reflect.NewAt(t, p).Elem()
		if v.IsNil() || !e.enter() {
			return append(dst, "null"...)
		}
		v = v.Elem()
		at := reflect.New(v.Type())
		at.Elem().Set(v)
		dst = e.planOf(v.Type())(e, dst, at.UnsafePointer())
		e.leave()
		return dst
	}
}

func (e *Encoder) compileSlice(t reflect.Type) encodeFunc {
	elem := e.planOf(t.Elem())
	size := t.Elem().Size()
	isSlice := t.Kind() == reflect.Slice
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		n := 0
		if isSlice {
			s := *(*[]byte)(p) // with the length of whatever it is a slice of
			p, n = unsafe.Pointer(unsafe.SliceData(s)), len(s)
		} else {
			n = t.Len()
		}
		if isSlice && p == nil || !e.enter() {
			return append(dst, "null"...)
		}
		dst = append(dst, '[')
		for i := range n {
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
			dst = elem(e, dst, unsafe.Add(p, uintptr(i)*size))
		}
		e.leave()
		return append(dst, ']')
	}
}
