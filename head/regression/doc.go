// Package regression is softmax regression as the training loop runs it: the head that learns to tell given classes, be they labels, the
// clusters of a representation, or what an ensemble decides.
package regression
