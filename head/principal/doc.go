// Package principal computes the principal components of features (Pearson 1901): the orthonormal directions along which they vary most.
// They are the representation of the PCA method, and the first two are the initial map of t-SNE (Kobak and Berens 2019).
//
// Sums are taken over stripes of rows whose number depends only on the features, in order, so that components have the same bits on any
// number of workers. Features are read twice, in blocks; memory is d×d.
package principal
