// Command pipeline sorts a folder of images into groups without labels, and says how sure it is of each one.
//
// It holds flags, progress and exit codes, and no mathematics. Each subcommand lives in the file of its name: a
// constructor, its options with their flags, and a run function. The stages do not know each other; this package
// alone joins them: extract turns images into a feature store, head turns features into a trained clustering head,
// report turns assignments into numbers and pages, and models supplies encoders.
package main
