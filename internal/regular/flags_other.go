//go:build !unix

package regular

// withoutWaiting is zero on systems without such flags.
const withoutWaiting = 0
