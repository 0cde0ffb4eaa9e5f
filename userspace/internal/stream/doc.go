// Package stream holds the out-of-order part of one direction of a TCP stream:
// segments that came before the bytes that precede them.
//
// It is not a reassembler. Data that comes in order never passes through it;
// the engine decides when a hole is given up and what is told to whom.
package stream
