// Package identity makes the keys under which finished work is found again. Every key of the program is made here:
//
//	Cache      the folder of features in the user's cache: data, encoder, preprocessing, decoder, views, type of numbers
//	Content    which stores may lend features to each other: encoder, preprocessing, decoder, provider, runtime
//	Model      an imported or rewritten encoder: the weights with all of their external data, and what shapes the graph
//	Graph      a neighbour graph: every feature, the metric, how it is searched
//	Run        a run of a sweep: features, labels, classes, settings
//	Inputs     what a resumed training must have in common with the original one
//	Matrix     features in a program's memory
//	File       features in a file
//
// The settings of a feature store are compared field by field instead, since the user has to be told what differs; package extract/store
// does it.
//
// A key is a hash of a value that contains everything on which the work depends: equal values give equal keys, on any machine, and
// different values different keys. When a field is added to such a value, the key omits it as long as it has the value that was implied
// before, so that existing work is still found.
//
// Package internal/identitytest does the other half: each input that leads to a key has a test that lists all its fields, says which keys
// include each of them or why none does, and changes each field to verify that.
package identity
