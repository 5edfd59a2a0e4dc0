// Package principal finds the principal components of features (Pearson 1901): the orthonormal directions along which they vary most. The
// PCA method makes its representation of them, and a map by t-SNE starts from the first two (Kobak and Berens 2019).
//
// Sums go over stripes of rows whose number depends on the features alone, in order, so that components have the same bits on any
// number of workers. Features are read twice, by blocks; what is kept is d×d.
package principal
