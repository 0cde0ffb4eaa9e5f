package engine

import (
	"reflect"

	"flowscope/sensor"
)

// copies makes copies of messages that outlive the emit that lent them, and all
// that their exported fields point to; what unexported fields hold is copied as
// it is. It uses the memory of its copies again after a reset.
type copies struct {
	byType  map[reflect.Type]*used
	plans   map[reflect.Type]*plan
	lending map[reflect.Type]bool // whether values of the type can refer to memory that is lent
}

// plan says how a struct type is copied.
type plan struct {
	lending []int         // exported fields that can refer to memory that is lent
	aside   reflect.Value // room for a value while it is overwritten
}

// used is the copies of one type.
type used struct {
	values []reflect.Value // pointers
	n      int             // of them in use
}

// reset allows the copies to be overwritten.
func (c *copies) reset() {
	for _, u := range c.byType {
		u.n = 0
	}
}

// message returns a copy of m that is valid until reset.
func (c *copies) message(m sensor.Message) sensor.Message {
	v := reflect.ValueOf(m)
	if m == nil || !c.lends(v.Type()) {
		return m
	}
	if v.Kind() != reflect.Pointer || v.IsNil() {
		dst := reflect.New(v.Type()).Elem()
		c.copy(dst, v)
		return dst.Interface()
	}
	u := c.byType[v.Type()]
	if u == nil {
		if c.byType == nil {
			c.byType = map[reflect.Type]*used{}
		}
		u = &used{}
		c.byType[v.Type()] = u
	}
	if u.n == len(u.values) {
		u.values = append(u.values, reflect.New(v.Type().Elem()))
	}
	dst := u.values[u.n]
	u.n++
	c.copy(dst.Elem(), v.Elem())
	return dst.Interface()
}

// lends reports whether values of type t can refer to memory that is lent.
func (c *copies) lends(t reflect.Type) (yes bool) {
	if l, ok := c.lending[t]; ok {
		return l
	}
	if c.lending == nil {
		c.lending = map[reflect.Type]bool{}
	}
	c.lending[t] = true // of a type that refers to itself
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		yes = true
	case reflect.Array:
		yes = c.lends(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			yes = yes || f.IsExported() && c.lends(f.Type)
		}
	}
	c.lending[t] = yes
	return yes
}

// copy makes dst, which can be set, a copy of src. What dst refers to is its own,
// and is used again where it is large enough.
func (c *copies) copy(dst, src reflect.Value) {
	t := src.Type()
	if !c.lends(t) {
		dst.Set(src)
		return
	}
	switch src.Kind() {
	case reflect.Struct:
		c.fields(dst, src)
	case reflect.Array:
		for i := range src.Len() {
			c.copy(dst.Index(i), src.Index(i))
		}
	case reflect.Slice:
		c.slice(dst, src)
	case reflect.Pointer:
		switch {
		case src.IsNil():
			dst.SetZero()
			return
		case dst.IsNil():
			dst.Set(reflect.New(t.Elem()))
		}
		c.copy(dst.Elem(), src.Elem())
	case reflect.Map:
		if src.IsNil() {
			dst.SetZero()
			return
		}
		dst.Set(reflect.MakeMapWithSize(t, src.Len()))
		for it := src.MapRange(); it.Next(); {
			dst.SetMapIndex(it.Key(), c.fresh(it.Value()))
		}
	case reflect.Interface:
		if src.IsNil() {
			dst.SetZero()
			return
		}
		dst.Set(c.fresh(src.Elem()))
	}
}

// fields copies a struct.
func (c *copies) fields(dst, src reflect.Value) {
	p := c.plan(src.Type())
	p.aside.Set(dst)
	dst.Set(src)
	for _, i := range p.lending {
		dst.Field(i).Set(p.aside.Field(i)) // its own memory back, to be written to
	}
	for _, i := range p.lending {
		c.copy(dst.Field(i), src.Field(i))
	}
}

func (c *copies) plan(t reflect.Type) *plan {
	if p := c.plans[t]; p != nil {
		return p
	}
	p := &plan{aside: reflect.New(t).Elem()}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && c.lends(f.Type) {
			p.lending = append(p.lending, i)
		}
	}
	if c.plans == nil {
		c.plans = map[reflect.Type]*plan{}
	}
	c.plans[t] = p
	return p
}

func (c *copies) slice(dst, src reflect.Value) {
	n := src.Len()
	switch {
	case src.IsNil():
		dst.SetZero()
		return
	case dst.Cap() < n || dst.IsNil():
		dst.Set(reflect.MakeSlice(src.Type(), n, n))
	default:
		dst.SetLen(n)
	}
	if !c.lends(src.Type().Elem()) {
		reflect.Copy(dst, src)
		return
	}
	for i := range n {
		c.copy(dst.Index(i), src.Index(i))
	}
}

// fresh returns a copy of v in memory of its own.
func (c *copies) fresh(v reflect.Value) reflect.Value {
	dst := reflect.New(v.Type()).Elem()
	c.copy(dst, v)
	return dst
}
