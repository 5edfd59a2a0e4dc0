// Package novelty tells images that are like none of the training set: a clustering head names a cluster for anything, and may be
// sure of it, too.
//
// The score is the cosine distance to the nearest of some training features (deep nearest neighbours: Sun et al. 2022, arXiv
// 2204.06507, with k = 1 and a sample of the set, which they found to lose little). The energy of the logits would need no features,
// but is not defined here: the loss does not see what is added to all logits of an image, so it stays where it was drawn.
//
// What lies beyond the distance that 95 % of the training set keep from the others is called new.
package novelty
