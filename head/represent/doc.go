// Package represent learns representations: on batches, by contrast (contrast.go), and of the whole set at once, as maps, components and
// eigenvectors (whole.go); with k-means and softmax regression, which need none. Package head clusters what they make.
package represent
