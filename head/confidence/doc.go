// Package confidence calibrates a head's confidence: it finds the factor on the logits at which the mean confidence is a given share.
//
// A head that learns which cluster a row is in says nothing about how reliable the clusters are. One temperature T corrects the level of
// confidence and leaves every decision unchanged: with z the logits and s = 1/T,
//
//	c(s) = 1/n Σ_i max_c softmax(s z_i)_c.
//
// Each term grows with s, from 1/K at s → 0 to 1: the derivative of the logarithm of the largest share is z_max − Σ_c q_c z_c ≥ 0. So there
// is one s for any share between, and bisection on ln s finds it.
//
// With a flat share u the confidence is (1−u) max_c softmax(s z)_c + u max_c softmax(ρ s z)_c, ρ = Power, which grows with s in the same way. Fit
// chooses u so that confidence matches accuracy not only on average but over the whole range.
//
// The share to aim for is an expected accuracy, measured without labels: the agreement of the clusters with cruder clusterings that were
// found independently of them, such as those of random halves of the features (Halves), as in the stability of Lange et al. 2004.
package confidence
