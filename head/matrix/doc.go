// Package matrix is features as the parts of head read them: rows of numbers that may lie in memory or on disk, several sets one after the
// other, and rows scaled to mean 0 and variance 1.
package matrix
