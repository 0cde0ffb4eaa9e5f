// Package privilege gives up what the process may do, once it has what it
// needs. It does not gain anything, and nothing brings back what it dropped.
package privilege
