// Command sensor says what was said in a capture: flow records, the messages of
// the protocols it knows, and books that balance. It is not a sniffer: it
// resolves no names, sends nothing, and prints no packets.
//
//	sensor replay -r FILE [FILTER]   read captures
//	sensor demo                      the same with a capture that is built in
//	sensor version                   what this binary is
//
// This package turns flags into the Config of the packages that do the work,
// and their errors into exit codes; see docs/cli.md.
package main
