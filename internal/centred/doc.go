// Package centred moves and scales a matrix, alike in every column, into a frame in which distances can be taken from products.
//
// A squared distance is |x|² + |c|² − 2x·c, three numbers that nearly cancel where all rows have a large common offset: in float32 little is
// left. With the mean of each column taken away, and the widest column brought to a range of about 1 by a power of two, which rounds
// nothing, products keep their digits, and no distance changes its rank. Neighbour search and k-means both read features through it.
package centred
