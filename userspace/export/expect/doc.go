// Package expect compares the sensor's JSON lines with a golden file and says
// in words where they differ, so that a CI job is one line. It is no general
// diff: it goes through both inputs once, in bounded memory, and looks for the
// place where they meet again only a limited number of lines ahead.
package expect
