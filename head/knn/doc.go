// Package knn finds the nearest neighbours of every row of a feature matrix, by cosine or Euclidean distance.
//
// Exact compares all pairs, each once: a panel of rows against blocks of columns on and above the diagonal, by matrix
// products whose tile serves both sides, with a running list of the best for each row. Features are read block by block
// and may stay on disk; what is held is O(n·k) and a few tiles, never n×n. Products are in float32; so a few more candidates
// than asked for are kept, measured again in float64, and ranked by distance, ties to the lowest index. The result does not
// depend on the number of workers: which candidates are best is a matter of their order alone, not of who met them first.
package knn
