// Package mixture clusters directions by a mixture of von Mises-Fisher distributions whose proportions are learned, so that clusters
// may differ in size.
//
// Directions v_i, |v_i| = 1, are drawn from
//
//	p(v) = Σ_c π_c C(κ) exp(κ μ_c·v),   |μ_c| = 1,   Σ_c π_c = 1,
//
// with one concentration κ for all clusters. Expectation and maximisation (Banerjee et al. 2005, with κ fixed) alternate:
//
//	P_ic ∝ π_c exp(κ μ_c·v_i),   π_c = 1/n Σ_i P_ic,   μ_c = Σ_i P_ic v_i / |Σ_i P_ic v_i|.
//
// Derivation of the maximisers: the expected log-likelihood is Σ_ic P_ic (ln π_c + κ μ_c·v_i) plus a constant. Under Σ_c π_c = 1 a
// multiplier λ gives Σ_i P_ic/π_c = λ, so π_c = Σ_i P_ic/n; and μ_c·(Σ_i P_ic v_i) over |μ_c| = 1 is largest along the sum. No step lowers
// the likelihood.
//
// In the table of I-Con (arXiv 2504.16929) this is probabilistic k-means on directions, with proportions: p and q are both "in the same
// cluster", softly. The cluster kernel of the InfoNCE head divides by a cluster's mass, which penalises large clusters; the mixture
// multiplies by it. κ determines how strongly: at κ → ∞ proportions no longer matter and the method is spherical k-means; the lower κ, the
// more a row prefers a large cluster to a small one at about the same angle.
package mixture
