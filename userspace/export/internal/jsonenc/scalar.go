package jsonenc

import (
	"encoding"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"time"
	"unsafe"

	"flowscope/sensor"
)

var (
	addrType      = reflect.TypeFor[netip.Addr]()
	timestampType = reflect.TypeFor[sensor.Timestamp]()
	durationType  = reflect.TypeFor[time.Duration]()
	appenderType  = reflect.TypeFor[encoding.TextAppender]()
	marshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	errorType     = reflect.TypeFor[error]()
)

// has reports whether a value of type t, which is addressable in all but rare
// cases, has the methods of iface.
func has(t, iface reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(iface) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(iface))
}

// methods returns the value of type t at p as a T, unless it is a nil pointer.
func methods[T any](t reflect.Type, p unsafe.Pointer) (T, bool) {
	v := reflect.NewAt(t, p)
	if t.Kind() == reflect.Pointer {
		if v = v.Elem(); v.IsNil() {
			var none T
			return none, false
		}
	}
	m, ok := v.Interface().(T)
	return m, ok
}

func appendAddr(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
	a := (*netip.Addr)(p)
	switch {
	case !a.IsValid():
		return append(dst, "null"...)
	case a.Zone() != "":
		return e.appendString(dst, a.String())
	}
	dst = append(dst, '"')
	dst = a.AppendTo(dst)
	return append(dst, '"')
}

func appendTimestamp(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
	dst = append(dst, '"')
	dst = e.Clock.Append(dst, *(*sensor.Timestamp)(p))
	return append(dst, '"')
}

func appendDuration(_ *Encoder, dst []byte, p unsafe.Pointer) []byte {
	return AppendSeconds(dst, *(*time.Duration)(p))
}

// AppendSeconds appends d as a decimal number of seconds, exactly, with one to
// nine digits of fraction.
func AppendSeconds(dst []byte, d time.Duration) []byte {
	n := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		n = -n
	}
	dst = strconv.AppendUint(dst, n/1e9, 10)
	dst = append(dst, '.')
	start := len(dst)
	for frac, unit := n%1e9, uint64(1e8); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+frac/unit%10))
	}
	for len(dst) > start+1 && dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendTexts returns the plan of a type with the method AppendText.
func appendTexts(t reflect.Type) encodeFunc {
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		m, ok := methods[encoding.TextAppender](t, p)
		if !ok {
			return append(dst, "null"...)
		}
		return e.appendText(dst, m)
	}
}

func (e *Encoder) appendText(dst []byte, m encoding.TextAppender) []byte {
	// The text is appended raw behind the place where it will be escaped.
	const gap = 8
	raw, err := m.AppendText(append(dst, "        "...))
	if err != nil || len(raw) < len(dst)+gap {
		return append(dst, "null"...)
	}
	text := raw[len(dst)+gap:]
	if isPlain(text) && len(text) <= e.MaxString && len(text) <= e.end-len(dst)-2 {
		dst = append(raw[:len(dst)], '"')
		dst = append(dst, text...) // moves left within raw
		return append(dst, '"')
	}
	return e.appendString(dst, string(text))
}

func isPlain(text []byte) bool {
	for _, c := range text {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// marshalTexts returns the plan of a type with the method MarshalText.
func marshalTexts(t reflect.Type) encodeFunc {
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		m, ok := methods[encoding.TextMarshaler](t, p)
		if !ok {
			return append(dst, "null"...)
		}
		text, err := m.MarshalText()
		if err != nil {
			return append(dst, "null"...)
		}
		return e.appendBytes(dst, text)
	}
}

// appendErrors returns the plan of a type that is an error.
func appendErrors(t reflect.Type) encodeFunc {
	return func(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
		err, ok := methods[error](t, p)
		if !ok {
			return append(dst, "null"...)
		}
		return e.appendString(dst, err.Error())
	}
}

func appendString(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
	return e.appendString(dst, *(*string)(p))
}

func appendBytes(e *Encoder, dst []byte, p unsafe.Pointer) []byte {
	b := *(*[]byte)(p)
	if b == nil {
		return append(dst, "null"...)
	}
	return e.appendBytes(dst, b)
}

func appendBool(_ *Encoder, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendBool(dst, *(*bool)(p))
}

// appendInt is the plan of an integer type with a sign.
func appendInt[T int8 | int16 | int32 | int64](_ *Encoder, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendInt(dst, int64(*(*T)(p)), 10)
}

// appendUint is the plan of an integer type without.
func appendUint[T uint8 | uint16 | uint32 | uint64](_ *Encoder, dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendUint(dst, uint64(*(*T)(p)), 10)
}

// appendFloat returns the plan of a float of the given size in bits.
func appendFloat(bits int) encodeFunc {
	return func(_ *Encoder, dst []byte, p unsafe.Pointer) []byte {
		var f float64
		if bits == 32 {
			f = float64(*(*float32)(p))
		} else {
			f = *(*float64)(p)
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(dst, "null"...)
		}
		format := byte('f')
		if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		return strconv.AppendFloat(dst, f, format, -1, bits)
	}
}
