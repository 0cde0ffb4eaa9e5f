// Package tools pins the tools that lint the project, in a module of its own
// so that they stay out of the product's go.mod. It is not built into
// anything.
package tools
