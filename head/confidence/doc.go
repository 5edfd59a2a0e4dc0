// Package confidence sets how sure a head is: one factor on its logits, under which its mean confidence is a given share.
//
// A head that learns which cluster a row is in says nothing of how far the clusters are to be trusted. One temperature T mends the level and
// leaves every decision as it is: with z the logits and s = 1/T,
//
//	c(s) = 1/n Σ_i max_c softmax(s z_i)_c.
//
// Each term grows with s, from 1/K at s → 0 to 1: the derivative of ln of the largest share is z_max − Σ_c q_c z_c ≥ 0. So there is one
// s for any share between, and bisection of ln s finds it.
package confidence
