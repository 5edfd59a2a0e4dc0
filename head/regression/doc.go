// Package regression is softmax regression on the training loop: the head that learns given classes, whether labels, the clusters of a
// representation, or those of an ensemble.
package regression
