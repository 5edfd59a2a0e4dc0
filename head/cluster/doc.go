// Package cluster is a fused implementation of the loss of debiased InfoNCE clustering: the I-Con loss whose learned distribution is the
// cluster kernel, with the Kullback-Leibler divergence, in float32, without ever storing an n×n matrix.
//
// With the soft assignments Φ, the row-wise softmax of the n×c logits z, the mass of a cluster s_c = Σ_k φ_kc and the supervisory rows p
// (each sums to 1),
//
//	A_ij = Σ_c φ_ic φ_jc / s_c         the probability of reaching j from i through a cluster of i; rows sum to 1
//	q̃ = (1−β)·A + β/n                  learned distribution, debiased
//	p̃ = (1−α)·p + α/n                  supervisory distribution, debiased
//	L  = 1/n · Σ_ij p̃_ij ln(p̃_ij / q̃_ij)
//
// # Gradient
//
// With G_ij = ∂L/∂A_ij = −(1−β) p̃_ij / (n q̃_ij), and A symmetric in the two factors φ_ic and φ_jc but divided by s_c, which depends on
// every φ_kc,
//
//	∂L/∂φ_kc = Σ_j (G_kj + G_jk) φ_jc / s_c  −  Σ_ij G_ij φ_ic φ_jc / s_c²
//
// Let W = G + Gᵀ and M = W·Φ (n×c). Then Σ_ij G_ij φ_ic φ_jc = ½ Σ_i φ_ic M_ic, and
//
//	∂L/∂φ_kc = M_kc / s_c − v_c,            v_c = ½ Σ_i φ_ic M_ic / s_c²
//	∂L/∂z_kc = φ_kc (∂L/∂φ_kc − Σ_d φ_kd ∂L/∂φ_kd)
//
// A is symmetric, and so is the dense part of W, whose p̃ is the constant α/n, so only the tiles on and above the diagonal are computed: A
// costs half a product, M a whole one. The sparse part of p is added entry by entry, with A_ij from one dot product each; if α = 0, nothing
// else is computed.
//
// # Sampling the uniform share
//
// For α > 0 nearly all of a step is −α/n² Σ_i Σ_j ln q̃_ij, which is a mean over j. Over a sample S of m columns, drawn for each step
// uniformly without replacement, so that each j is in S with probability m/n,
//
//	−α/(n·m) Σ_i Σ_{j∈S} ln q̃_ij
//
// has that mean as its expectation, since q̃ does not depend on S: the masses s_c are those of all rows. Its own gradient would have the
// exact gradient as its expectation, too, but for n ≫ m with needless variance: a row in S gets, as a j, the force of all n rows at once, scaled up
// by n/m, and a row outside S gets none. In the exact sum i and j can change places, because A is symmetric, so both roles of a row
// contribute the same to its gradient. Therefore the role of i counts twice here, and that of j not at all. With
// G_ij = −(1−β) α / (n m q̃_ij) for j in S, and 0 elsewhere,
//
//	M_k = 2 Σ_{j∈S} G_kj φ_j        for every row k
//
// takes the place of W·Φ. Its expectation is the exact one, since G is symmetric for all pairs and each j is in S with probability m/n;
// Σ_i φ_ic M_ic, and so v_c, is the same as with both roles. The result is an unbiased estimate of the exact gradient, though not the
// gradient of any sample's loss. It takes two products of n·m·c, where the exact part takes 1.5 of n²·c: 3n/4m times less work.
//
// The work is cut into stripes of rows: each pair of stripes gives one tile of A, computed in the cache, turned into W in place, and
// multiplied by both stripes of Φ. The pairs are scheduled like a round-robin tournament, so that many can run at once and yet every stripe
// meets the others in a fixed order: the result has the same bits on any number of threads. Memory is 4·n·c numbers and a tile per worker.
package cluster
