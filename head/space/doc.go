// Package space makes the space in which clusters are looked for: directions that are whitened by the differences of neighbours, and then
// averaged over neighbours.
//
// Whitening. Neighbours mostly share a class; so what sets a row apart from its neighbours is variation within classes. With N(i) the m nearest
// others of direction u_i,
//
//	S = 1/(nm) Σ_i Σ_{j∈N(i)} (u_i − u_j)(u_i − u_j)ᵀ
//
// is, but for a factor 2, the covariance within classes as far as neighbours are right: relevant component analysis (Bar-Hillel et al. 2005)
// without its labels. In q_i = unit(L⁻¹(u_i − ū)), where LLᵀ = S + s·(tr S/d)·I, differences of neighbours have about the same length in all
// directions, and what separates classes counts for more. Any other root of the same matrix differs from L⁻¹ by a rotation, under which neither
// cosines nor clusters change. The shrinkage s keeps directions in which rows hardly differ from being blown up, and the matrix from being singular
// with duplicates, constant features and fewer rows than features.
//
// Diffusion. The mean of a row and its nearest others, made unit, keeps what they share; a few rounds of it bring rows of one kind together
// along the graph and leave the gaps between kinds.
package space
