// Package spectral computes the leading eigenvectors of a graph: coordinates in which rows of one group are close together. The method
// spectral clusters by them, and the default method starts from them.
//
// Shared neighbours. A neighbour that shares few of a row's other neighbours is likely to belong to another group. With N̄(i) the k nearest
// others of i and i itself,
//
//	s_ij = |N̄(i) ∩ N̄(j)| / |N̄(i) ∪ N̄(j)|   for j ∈ N(i),   A = (S + Sᵀ)/2 with S_ij = s_ij²
//
// weights every edge by the Jaccard index of the two lists (Jarvis and Patrick 1973), squared.
//
// Eigenvectors. With D the row sums of A, the eigenvectors of the largest eigenvalues of M = D^(−½) A D^(−½) solve the relaxed normalised
// cut (Ng, Jordan and Weiss 2001). All eigenvalues are in [−1, 1]. A block X of random columns is filtered by a Chebyshev polynomial that
// stays within ±1 on [−1, b] and grows fast beyond,
//
//	T₀ = X,   T₁ = LX,   T_(t+1) = 2L T_t − T_(t−1),   L = (2M − (b − 1)I)/(b + 1),
//
// orthonormalised, and rotated so that XᵀMX is diagonal (Rayleigh-Ritz). b becomes the smallest of these values, and the steps are repeated
// for some rounds (Zhou et al. 2006). An error of δ in a vector changes its eigenvalue by δ², so values converge long before vectors do; a
// caller that needs the vectors sets a residual.
package spectral
