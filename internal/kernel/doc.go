// Package kernel holds the arithmetic that takes most of the time: matrix products, row softmax, exponentials, logarithms and sums over
// float32 and float64, and the transforms of pictures: resampling, and what JPEG does to samples.
//
// The plain Go version of each function is its definition. On amd64 with AVX2 and FMA (and AVX-512) the float32 versions run generated
// assembly instead, chosen once at start; Path returns the choice. The build tag noasm forces plain Go; the environment variable
// ICONIC_KERNEL selects a path, and Check reports whether that path exists. Numbers of different paths agree up to rounding, because each
// has its own order of summation; one path always gives the same bits, and SameBits names those that share them. Pictures are computed in
// whole numbers, and are the same on every path.
//
// Matrices are row-major with an explicit leading dimension, as in the BLAS. Every function is single-threaded and allocates nothing that
// outlives the call: callers cut rows into blocks and spread them with internal/parallel. Slices must be long enough for the stated shape;
// bounds checks at the entry enforce it.
package kernel
