// Package regression is softmax regression on the training loop: the head that learns given classes, whether labels, the clusters of a
// representation, or those of an ensemble. For clusters that the features suggest there is an L2 penalty, by which the head assigns unseen rows more accurately, and cross-validation
// says how confident it is about them.
package regression
