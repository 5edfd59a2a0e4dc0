// Package ensemble is the head that a training produces: one linear head, or several on the same features that vote.
//
// Head m of M has logits z_m = x·W_mᵀ + b_m of features x (Dim numbers). The clusters of all heads are aligned, and the vote is the mean of
// their probabilities under one temperature T:
//
//	p̄_c = 1/M Σ_m softmax(z_m)_c        from 0 to 1, summing to 1 over the Clusters
//	p_c = p̄_c^(1/T) / Σ_k p̄_k^(1/T)     p̄ itself at T = 1; a larger T makes the vote less confident, a smaller one more
//
// One product computes all M·Clusters logits of a row. Where heads disagree, p̄ is flat, which calibrates it (Lakshminarayanan, Pritzel and
// Blundell 2017).
//
// A head that has learnt clusters is nearly certain of the rows in the middle of a cluster, although whole parts of a cluster may belong
// elsewhere. A temperature that lowers them lowers the others, too, and most where there are many clusters. A share u of a flatter distribution leaves
// every decision unchanged, but for rounding:
//
//	(1−u) p_c + u p_c^ρ / Σ_k p_k^ρ        0 ≤ ρ < 1; at ρ = 0 the uniform distribution, as in the debiased distributions of I-Con
//
// An ensemble of one at T = 1 and u = 0 equals its linear head, to the bit.
package ensemble
