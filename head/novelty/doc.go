// Package novelty detects images unlike all of the training set: a clustering head assigns any image to a cluster, and may do so with high
// confidence.
//
// The score is the cosine distance to the nearest of some training features (deep nearest neighbours: Sun et al. 2022, arXiv 2204.06507,
// with k = 1 and a sample of the set, which they found to lose little). The energy of the logits would need no features, but is not defined
// here: the loss does not depend on a constant added to all logits of an image, so that constant keeps its random initial value.
//
// An image is called new if it is farther from the nearest reference than 95 % of the training images are from theirs.
package novelty
