// Package matrix holds the matrices that the stages and users pass to each other: Features, the one interface for reading rows of numbers
// in memory, on disk or in a program of your own; Dense, rows in memory; and Sparse, rows with few entries each, for supervisory
// distributions and normalised neighbour graphs.
//
// Features can be combined without copying: some of their rows (Subset) or columns (Columns), sets one after another (Stacked) or side by
// side (Beside), and rows scaled to mean 0 and variance 1 (Standardized).
package matrix
