// Package identity makes the keys by which finished work is found again. Every key of the program is made here:
//
//	Cache      the folder of features in the user's cache: data, encoder, preprocessing, decoder, views, type of numbers
//	Content    which stores may lend features to each other: encoder, preprocessing, decoder, provider, runtime
//	Model      an imported or rewritten encoder: the weights with all of their external data, and what shapes the graph
//	Graph      a neighbour graph: every feature, the metric, how it is searched
//	Run        a run of a sweep: features, labels, classes, settings
//	Inputs     what a training that is resumed must have in common with the one that was begun
//	Matrix     features in a program's memory
//
// The settings of a feature store are compared field by field instead, since a person has to be told what differs; package
// extract/store does it.
//
// A key is a hash of a value of all that the work depends on: the same value gives the same key, on any machine, and any other
// another. Where a value grows by a field, the field is left out of the key at the value that it had before there was a choice, so that
// what was kept goes on being found.
//
// Package internal/identitytest holds the other half of the bargain: beside each input of a program that leads to a key stands a test
// that lists every field of it, says which keys know it or why none does, and changes it to see.
package identity
