// Package regular opens files that a user has named. A name may be that of a pipe, a socket or a device, and opening
// one of those may wait for ever; here it is refused instead.
package regular
