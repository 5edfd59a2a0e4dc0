// Package features opens what heads are trained on: the features of images, with their paths, labels and classes. They come from a
// feature store, from a NumPy matrix with a file of labels, or from a program's own memory.
package features
