// Package kernel holds the arithmetic that everything else waits for: matrix products, row softmax, exponentials,
// logarithms and sums over float32 and float64.
//
// The plain Go version of each function is its definition. On amd64 with AVX2 and FMA (and AVX-512) the float32 versions run
// generated assembly instead, chosen once at start; Path names the choice. The build tag noasm forces plain Go;
// ICONIC_KERNEL in the environment names a path to take, and Check tells whether there is one of that name. Between paths results agree to rounding, because the order of
// summation belongs to each; on one path they are the same bits always.
//
// Matrices are row-major with an explicit leading dimension, as in the BLAS. Every function is single-threaded and
// allocates nothing that outlives it: callers cut rows into blocks and spread them with internal/parallel.
// Slices must be long enough for the stated shape; the Go runtime's bounds checks stand guard at the entry.
package kernel
