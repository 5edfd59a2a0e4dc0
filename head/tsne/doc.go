// Package tsne draws maps of points in the plane: t-SNE (van der Maaten and Hinton 2008) with the Barnes-Hut approximation (van der Maaten
// 2014).
//
// In terms of the I-Con equation, p is a Gaussian over the nearest neighbours, calibrated to a perplexity and made symmetric,
// p_ij = (p(j|i) + p(i|j))/2n; q is a Student-t with one degree of freedom over all pairs, q_ij = w_ij / Z,
// w_ij = 1/(1+‖y_i−y_j‖²), Z = Σ_{k≠l} w_kl; the mapper is a table of coordinates. With L = Σ_ij p_ij ln(p_ij/q_ij),
//
//	∂ ln w_ij / ∂y_i = −2 w_ij (y_i − y_j),   ∂ ln Z / ∂y_i = −4/Z Σ_j w_ij² (y_i − y_j)
//	∂L/∂y_i = 4 Σ_j p_ij w_ij (y_i − y_j)  −  4/Z Σ_j w_ij² (y_i − y_j)
//
// The first sum is over the neighbours. In the second, a cell of a quadtree replaces all its points if it looks small from y_i: its side
// divided by its distance is below Angle.
//
// A layout depends only on its input: it starts from the two principal components, each force has one owner, and sums are taken in order,
// so any number of workers gives the same bits.
package tsne
