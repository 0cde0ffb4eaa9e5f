// Package userspace is the parent of what runs outside the kernel: the engine,
// the replay of captures, and the exports. It has no code of its own.
package userspace
