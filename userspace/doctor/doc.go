// Package doctor says whether the sensor can watch this host, and what to do
// where it cannot. It changes nothing: it attaches no program, makes no qdisc
// and loads no module.
//
// Each [Check] looks at one thing and ends in a [Status]; one that fails, or is
// worth a thought, has a remedy that can be pasted. The checks of the host come
// first, then those of each interface.
package doctor
