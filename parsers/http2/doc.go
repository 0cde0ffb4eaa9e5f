// Package http2 parses HTTP/2.
package http2
