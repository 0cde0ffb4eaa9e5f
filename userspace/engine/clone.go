package engine

import (
	"reflect"

	"flowscope/sensor"
)

// cloneMessage copies a message and all that its exported fields point to, so
// that it outlives the emit that lent it. Values of unexported fields are copied
// as they are.
func cloneMessage(m sensor.Message) sensor.Message {
	if m == nil {
		return nil
	}
	v := reflect.ValueOf(m)
	if !borrows(v.Type()) {
		return m
	}
	return cloneValue(v).Interface()
}

// borrows reports whether values of type t can refer to memory that is lent.
func borrows(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	case reflect.Array:
		return borrows(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && borrows(f.Type) {
				return true
			}
		}
	}
	return false
}

func cloneValue(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		cloneInto(c.Elem())
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		if borrows(v.Type().Elem()) {
			for i := range c.Len() {
				cloneInto(c.Index(i))
			}
		}
		return c
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			c.SetMapIndex(it.Key(), cloneValue(it.Value()))
		}
		return c
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return cloneValue(v.Elem())
	case reflect.Struct, reflect.Array:
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		cloneInto(c)
		return c
	}
	return v
}

// cloneInto replaces what v, which can be set, refers to by copies.
func cloneInto(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		t := v.Type()
		for i := range v.NumField() {
			if f := t.Field(i); f.IsExported() && borrows(f.Type) {
				cloneInto(v.Field(i))
			}
		}
	case reflect.Array:
		if borrows(v.Type().Elem()) {
			for i := range v.Len() {
				cloneInto(v.Index(i))
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		v.Set(cloneValue(v))
	}
}
