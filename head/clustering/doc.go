// Package clustering trains linear heads by the cluster kernel: debiased InfoNCE, the I-Con paper's recipe, and their relatives.
//
// A training follows the paper:
//
//	for each batch: anchors and a sampled neighbour of each   (package sampling)
//		x = features of the batch, standardised                (package matrix)
//		z = x·Wᵀ + b                                            (package linear)
//		loss and ∂L/∂z                                          (package cluster, or icon for other divergences)
//		∂L/∂W, ∂L/∂b, a step of Adam                            (package linear, package train)
//
// Several heads learn from the same batches. At the end the head with the lowest loss is kept, or those with nearly the lowest loss vote: all
// of them are kept, or one head that has learnt their vote (package consensus). A head that is left alone, because the losses of the others are too
// high, is certain of far more than it gets right, so its confidence is set by its agreement with k-means on halves of the features and with neighbours (package
// confidence). With refine, the edges are then reweighted by the assignments
// of the one head that is kept, or has learnt the vote, and its training continues.
package clustering
