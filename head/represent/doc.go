// Package represent learns representations: on batches, by contrastive losses (contrast.go), and on the whole set at once, as maps,
// components and eigenvectors (whole.go). It also has k-means and softmax regression, which need no representation. Package head clusters
// the representations.
package represent
