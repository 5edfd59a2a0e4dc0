// Package parallel spreads work over goroutines without letting their number show in the result.
//
// Work is cut into blocks by its size alone. Who runs a block, and when, is left to chance; so a caller that
// gives every block its own place for results, and reduces those in block order, gets the same bits on 1, 2 or
// 16 threads.
package parallel
