// Package represent learns representations: on batches, by contrastive losses (the recipe is in contrast.go, the losses are in batch.go,
// moco.go, paired.go and harmonic.go), and on the whole set at once, as maps, components and eigenvectors (whole.go). It also has k-means
// (kmeans.go) and softmax regression (classes.go), which need no representation. Package head clusters the representations.
package represent
