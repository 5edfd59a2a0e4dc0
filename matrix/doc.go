// Package matrix holds the matrices that the stages hand to each other and that users hand to them: Features, the one interface by which rows of
// numbers are read, whether they lie in memory, on disk or in a program of one's own; Dense, such rows in memory; and Sparse, rows of few
// numbers each, as supervisory distributions and normalised neighbour graphs are.
//
// Features are combined without being copied: some of their rows (Subset) or columns (Columns), sets one after the other (Stacked) or beside
// each other (Beside), and rows scaled to mean 0 and variance 1 (Standardized).
package matrix
