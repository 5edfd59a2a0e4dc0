// Package consensus finds which of several heads vote, and makes a head of their vote.
//
// With many clusters every head ends in a local minimum of its own: losses differ by thousandths, and two seeds agree on half of the
// images. Which of the heads has the lowest loss means little; what most of them agree on means more. So heads trained on the same batches
// from different starts are averaged: their clusters are aligned one to one, and the ensemble's assignment of image i is the mean of
// theirs,
//
//	p(c|i) = 1/M Σ_m φᵐ_{i,π_m(c)}.
//
// Up to 2,048 clusters, they are aligned by the overlaps of all probabilities; with more, by those of the most probable clusters.
//
// Where heads disagree, p is flat; that calibrates the vote, as ensembles do (Lakshminarayanan et al. 2017). Vote keeps all of these heads as
// one (package ensemble). Distil makes a single linear head of them, a fraction of the size. It learns the ensemble's clusters (the
// cross-entropy of I-Con's table 1, with the labels argmax_c p). Since labels carry no uncertainty, one temperature then makes it as confident
// as the ensemble: the T with the least 1/n Σ_i KL(p_i ‖ softmax(z_i/T)).
package consensus
