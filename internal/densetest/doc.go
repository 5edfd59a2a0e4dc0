// Package densetest makes features for tests: Gaussian clouds whose rows are drawn from a seed, so that a test of clustering or neighbours
// knows which rows belong together. It also reads clusters from probabilities.
package densetest
