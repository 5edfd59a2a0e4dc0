// Package features opens the data on which heads are trained: the features of images, with their paths, labels and classes. They come from
// a feature store, from a NumPy matrix with a file of labels, or from a program's own memory.
package features
