//go:build !unix

package regular

// withoutWaiting is nothing where the system knows no such flags.
const withoutWaiting = 0
