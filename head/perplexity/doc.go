// Package perplexity finds, for each point, the width of a Gaussian that gives its neighbours a given perplexity, as SNE (Hinton and Roweis
// 2002) and t-SNE do.
package perplexity
