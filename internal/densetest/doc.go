// Package densetest makes features for tests: Gaussian clouds whose rows are drawn from a seed, so that a test of clustering or neighbours
// knows which rows belong together. It also compares the probabilities of two classifiers.
package densetest
