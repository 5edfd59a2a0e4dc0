// Package clustering trains linear heads by the cluster kernel: the tool's own default, the I-Con paper's recipe, and their relatives.
//
// A training reads like the paper:
//
//	for each batch: anchors and a sampled neighbour of each   (package sampling)
//		x = features of the batch, standardised                (package matrix)
//		z = x·Wᵀ + b                                            (package linear)
//		loss and ∂L/∂z                                          (package cluster, or icon for other divergences)
//		∂L/∂W, ∂L/∂b, a step of Adam                            (package linear, package train)
//
// Several heads learn from the same batches. At the end that of least loss is kept, or one is distilled from those of about the least
// loss (package consensus). With refine, edges are then weighted by the head's own assignments, and the training goes on.
package clustering
