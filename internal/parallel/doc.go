// Package parallel spreads work over goroutines so that the result does not depend on their number.
//
// The size of the work alone determines the blocks that it is cut into. Which goroutine runs a block, and when, is undetermined, so a
// caller that gives every block its own place for results, and reduces those in block order, gets the same bits on 1, 2 or 16 threads.
package parallel
