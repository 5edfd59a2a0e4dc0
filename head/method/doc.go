// Package method defines a method: it describes itself, and makes a Recipe, which declares the settings that it reads and learns from
// Data. Groups of settings that several recipes share are declared here, each once, with its name, default, range and meaning.
//
// A method of one's own implements Method and Recipe. A closed form computes its Outcome; what is trained hands tasks to train.Train with
// the Data's Run, and is thereby interrupted and taken up like any other. Recipes may further implement Scaler and Grapher.
package method
