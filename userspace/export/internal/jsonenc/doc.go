// Package jsonenc writes a parser's message as JSON: a reflect-based encoder
// with one plan per type, compiled once, that follows the json tags of
// encoding/json. It is not encoding/json: strings go through safetext, sizes
// are capped, []byte is text, durations are seconds, and json.Marshaler is not
// asked, because what it returns would pass by all of that.
//
// What a field becomes:
//
//	string, []byte                       a string, escaped and cut as safetext says
//	integers, floats, bools              a number or a bool; NaN and infinities are null
//	netip.Addr                           a string; null if it is the zero Addr
//	sensor.Timestamp                     RFC 3339 with nine decimals
//	time.Duration                        seconds, with a decimal fraction of at most nine digits: 0.25, 2.0
//	encoding.TextAppender, TextMarshaler a string; null if it fails
//	error                                its text
//	struct                               an object; embedded structs are inlined as in encoding/json
//	slice, array                         an array
//	map with string keys                 an object, keys in order
//	pointer, interface                   what it holds, or null
//
// Fields of other types (channels, functions, complex numbers, maps with other
// keys) are left out. Of the tag options, omitempty, omitzero and string (for
// numbers and bools) have their usual meaning.
package jsonenc
