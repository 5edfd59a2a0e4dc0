// Package space computes the space in which clusters are searched: directions that are whitened by the differences of neighbours, and then
// averaged over neighbours.
//
// Whitening. Neighbours mostly share a class, so the differences between a row and its neighbours are variation within classes. With N(i)
// the m nearest others of direction u_i,
//
//	S = 1/(nm) Σ_i Σ_{j∈N(i)} (u_i − u_j)(u_i − u_j)ᵀ
//
// is, up to a factor of 2, the covariance within classes, to the extent that neighbours are right: relevant component analysis (Bar-Hillel
// et al. 2005) without its labels. In q_i = unit(L⁻¹(u_i − ū)), where LLᵀ = S + s·(tr S/d)·I, differences of neighbours have about the same
// length in all directions, and directions that separate classes have more weight. Any other root of the same matrix differs from L⁻¹ by a
// rotation, which changes neither cosines nor clusters. The shrinkage s prevents the amplification of directions in which rows hardly
// differ, and a singular matrix with duplicates, constant features or fewer rows than features.
//
// Fewer rows than columns. Then everything happens in the span of the centred rows X (n×d), where S lies as well: rows C of the Cholesky factor
// CCᵀ = XXᵀ have the inner products of the rows of X, and so are their coordinates in some orthonormal basis of that span. S is computed of these n×n
// numbers, and the ridge is s·(tr S/d) still, with the d of the features. So the result differs by a rotation, and costs n³, not d³.
//
// Once clusters have been found, their own covariance
//
//	S = 1/n Σ_i (u_i − m_c)(u_i − m_c)ᵀ, with c the cluster of row i and m_c the mean of its rows,
//
// takes its place (WhitenWithin): it has all of the variation within classes, of which the nearest neighbours show only the part that is near, and errs
// only by rows in wrong clusters.
//
// Diffusion. The mean of a row and its nearest others, scaled to unit length, keeps what they share; a few rounds bring rows of one group
// together along the graph and leave the gaps between groups.
//
// Few columns. A direction from the mean has one dimension less than the features, so that of two columns an angle is left. Lift makes random Fourier
// features of them, whose directions are similar where rows are near each other; they take the place of the features in all of the above.
package space
