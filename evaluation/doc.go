// Package evaluation scores a run on images with labels that it has not learned, such as a validation set.
//
// A training scores the images that it learned from. How its clusters and its confidence hold for others is seen on a second feature store of the same
// encoder, or for a run on a plain matrix on a second matrix. Score assigns every row to a cluster as prediction does, and compares the clusters with
// the labels. Which class a cluster stands for was decided on the training's labels, if it had any, so that no label of the new images is used for more
// than counting; Result.Rematched is the accuracy with clusters matched anew on the new images, the number that papers on clustering report.
package evaluation
