// Package consensus finds which of several heads vote, and makes a head of their vote.
//
// With many clusters every head ends in a local minimum of its own: losses differ by thousandths, and two seeds agree on half of the images.
// Which of them is least means little; what most of them agree on, more. So heads that were trained on the same batches from different
// starts are averaged: their clusters are aligned one to one, and the ensemble's assignment of image i is the mean of theirs,
//
//	p(c|i) = 1/M Σ_m φᵐ_{i,π_m(c)}.
//
// Where heads disagree p is flat; that calibrates it, as ensembles do (Lakshminarayanan et al. 2017). Vote keeps all of these heads as one
// (package ensemble). Distil makes a single linear head of them, of a fraction of the size: it learns where the ensemble puts whom (the
// cross-entropy of I-Con's table 1, labels being argmax_c p), and then, since labels carry no doubt, is made as confident as the ensemble by
// one temperature: of all T the one of least 1/n Σ_i KL(p_i ‖ softmax(z_i/T)).
package consensus
