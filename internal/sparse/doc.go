// Package sparse holds the rows of a sparse matrix: the form in which supervisory distributions and neighbour
// graphs travel between the parts of head.
package sparse
