// Package progress is how long work tells its caller what it is doing: which stage it is in, how far that has come, and what a person
// would want to know. The packages that do the work never print.
package progress
