package jsonenc

import (
	"encoding"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"time"

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

// methods returns v as a T. It allocates only where v is not addressable.
func methods[T any](v reflect.Value) (T, bool) {
	if v.Kind() != reflect.Pointer {
		if !v.CanAddr() {
			p := reflect.New(v.Type())
			p.Elem().Set(v)
			v = p
		} else {
			v = v.Addr()
		}
	} else if v.IsNil() {
		var none T
		return none, false
	}
	m, ok := v.Interface().(T)
	return m, ok
}

func appendAddr(e *Encoder, dst []byte, v reflect.Value) []byte {
	a, ok := methods[*netip.Addr](v)
	switch {
	case !ok || !a.IsValid():
		return append(dst, "null"...)
	case a.Zone() != "":
		return e.appendString(dst, a.String())
	}
	dst = append(dst, '"')
	dst = a.AppendTo(dst)
	return append(dst, '"')
}

func appendTimestamp(e *Encoder, dst []byte, v reflect.Value) []byte {
	dst = append(dst, '"')
	dst = e.Clock.Append(dst, sensor.Timestamp(v.Int()))
	return append(dst, '"')
}

func appendDuration(_ *Encoder, dst []byte, v reflect.Value) []byte {
	return AppendSeconds(dst, time.Duration(v.Int()))
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

func appendTextAppender(e *Encoder, dst []byte, v reflect.Value) []byte {
	m, ok := methods[encoding.TextAppender](v)
	if !ok {
		return append(dst, "null"...)
	}
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

func appendTextMarshaler(e *Encoder, dst []byte, v reflect.Value) []byte {
	m, ok := methods[encoding.TextMarshaler](v)
	if !ok {
		return append(dst, "null"...)
	}
	text, err := m.MarshalText()
	if err != nil {
		return append(dst, "null"...)
	}
	return e.appendBytes(dst, text)
}

func appendError(e *Encoder, dst []byte, v reflect.Value) []byte {
	err, ok := methods[error](v)
	if !ok {
		return append(dst, "null"...)
	}
	return e.appendString(dst, err.Error())
}

func appendString(e *Encoder, dst []byte, v reflect.Value) []byte {
	return e.appendString(dst, v.String())
}

func appendBytes(e *Encoder, dst []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(dst, "null"...)
	}
	return e.appendBytes(dst, v.Bytes())
}

func appendBool(_ *Encoder, dst []byte, v reflect.Value) []byte {
	return strconv.AppendBool(dst, v.Bool())
}

func appendInt(_ *Encoder, dst []byte, v reflect.Value) []byte {
	return strconv.AppendInt(dst, v.Int(), 10)
}

func appendUint(_ *Encoder, dst []byte, v reflect.Value) []byte {
	return strconv.AppendUint(dst, v.Uint(), 10)
}

// appendFloat returns the encoder of a float of the given size in bits.
func appendFloat(bits int) encodeFunc {
	return func(_ *Encoder, dst []byte, v reflect.Value) []byte {
		f := v.Float()
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
