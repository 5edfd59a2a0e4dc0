// Command generate writes the AVX2 and AVX-512 assembly of package kernel, with the library avo: loops are unrolled and registers allocated
// here, so that one description gives the tile of each instruction set. Run it through `go generate ./internal/kernel`; a test
// checks that what is committed is what it writes.
package main
