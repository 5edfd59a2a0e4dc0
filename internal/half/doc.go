// Package half converts between float32 and the two 16-bit floating-point formats in which weights and features are stored: IEEE 754
// binary16 (float16) and bfloat16, which is only read. Widening is exact; narrowing rounds to the nearest, ties to even. Both work on the
// bits, so every processor gives the same result; package kernel widens whole slices of float16 with the processor's own instructions.
package half
