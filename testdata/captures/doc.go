// Package captures is the table of the captures in testdata, each with the
// script that makes it.
//
// It is not a decoder of captures: see flowscope/testdata/build for how their
// contents are known.
package captures
