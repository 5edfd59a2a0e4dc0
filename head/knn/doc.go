// Package knn finds the nearest neighbours of every row of a feature matrix, by cosine or Euclidean distance.
//
// Exact compares all pairs, each once: a panel of rows against blocks of columns on and above the diagonal, by matrix products whose tiles
// serve both sides, with a running list of the best for each row. Features are read block by block and may stay on disk; memory is O(n·k)
// and a few tiles, never n×n. Products are in float32, so a few more candidates than requested are kept, measured again in float64, and
// ranked by distance, ties to the lowest index. A row for which a bound on the rounding does not rule out others, as with a large common offset or beside
// a row that is far from all, is compared with all rows again, by their differences (rounding.go). The result does not depend on the number of workers: the order of the candidates alone
// determines which are best, not the order in which they were found.
package knn
