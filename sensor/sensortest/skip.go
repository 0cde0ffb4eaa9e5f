package sensortest

import "flowscope/sensor"

// skips is what a parser wants passed over of each side.
type skips struct {
	left   [2]int64 // still to come
	passed [2]int64 // passed over since the last call
}

// pass passes over bytes that have come, and returns those behind.
func (k *skips) pass(side sensor.Side, data []byte) []byte {
	n := min(k.left[side], int64(len(data)))
	k.left[side] -= n
	k.passed[side] += n
	return data[n:]
}

// told returns what the next call says was passed over. What is left is up to
// what that call returns.
func (k *skips) told(side sensor.Side) int64 {
	n := k.passed[side]
	k.left[side], k.passed[side] = 0, 0
	return n
}

// ask takes what Parse returned for size bytes, and returns how many of them
// were consumed.
func (k *skips) ask(side sensor.Side, n, size int, err error) int {
	if n > size && err == nil {
		k.left[side] = int64(n - size)
	}
	return min(n, size)
}

// lose takes bytes that were lost.
func (k *skips) lose(side sensor.Side, n int64) { k.left[side] = max(k.left[side]-n, 0) }
