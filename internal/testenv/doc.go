// Package testenv finds what a test needs and a machine may not have: a tool,
// or the optional corpus of captures beside the checkout. It is not for
// production code. It also asks such a tool, where many tests ask the same.
//
// A test that cannot run without such a thing skips, and says how to get it.
// With FLOWSCOPE_CI=1 in the environment a skip for a missing tool is a
// failure, so that CI cannot pass by running less, and random properties draw
// from a fixed seed, so that a change fails for what it changed. The corpus is
// never required.
package testenv
