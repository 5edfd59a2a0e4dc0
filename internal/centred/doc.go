// Package centred shifts and scales a matrix, alike in every column, so that distances can be computed from products.
//
// A squared distance is |x|² + |c|² − 2x·c, three numbers that nearly cancel if all rows have a large common offset: in float32 little
// precision is left. With each column's mean subtracted (its median, if a few huge rows have drawn the mean away from all others), and the widest column scaled to a range of about 1 by a power of two, which causes
// no rounding, products keep their digits, and the order of distances does not change. Neighbour search and k-means both read features
// through it.
package centred
