// Package relay calls a caller's functions, such as the hooks of a sweep, on the goroutine of the caller while other goroutines work. There the caller can
// recover from a panic in one.
package relay
