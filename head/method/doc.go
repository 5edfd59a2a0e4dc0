// Package method defines a method: it describes itself, and makes a Recipe, which declares the settings that it reads and learns from Data.
// Groups of settings that several recipes share are declared here once, with name, default, range and meaning.
//
// A method of your own implements Method and Recipe. A closed form computes its Outcome directly; an iterative method passes tasks to
// train.Train with the Data's Run, so that it can be interrupted and resumed like any other. Recipes may also implement Scaler, Grapher
// and Sampler.
package method
