// Package dense holds a matrix in memory by rows, as the features that need no file: what a run's head makes of them, made-up
// ones of benchmarks, and those of tests. It satisfies the interface of features that each stage declares for itself.
package dense
