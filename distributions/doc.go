// Package distributions plots what a method compares: the supervisory distribution p(·|i) and the learned one q(·|i) around a point i,
// after training the method on the points shown. Beside them it plots the three kinds of neighbours from which methods build p (Gaussian,
// Student-t and uniform over the nearest), around the same point.
//
// The points are a generated set in the plane (Made) or rows of features (Sample), shown along their first two principal components.
package distributions
