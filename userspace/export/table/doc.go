// Package table shows people what the engine tells: the flows with most bytes,
// some messages, and the books, as text that fits a terminal. It is no format
// for programs; for those there are the JSON lines.
//
// Nothing is shown before Close. Memory is bounded whatever comes: the largest
// flows are kept in a heap, a headline for each of a limited number of live
// flows, and the first few messages.
//
// Only printable ASCII is written, whatever bytes the network sent, so that no
// name can move the cursor, colour the screen or misalign a column.
package table
