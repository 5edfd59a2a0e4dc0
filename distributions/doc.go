// Package distributions draws what a method compares: the supervisory distribution p(·|i) and the learned one q(·|i) around a point i, after a
// training of the method on the points shown. Beside them stand three kinds of neighbours that p is made of in one method or another (Gaussian,
// Student-t and uniform over the nearest), around the same point.
//
// The points are a made set in the plane (Made), or rows of features (Sample), shown along their first two principal components.
package distributions
