// Command generate writes the AVX2 and AVX-512 assembly of package kernel with the library avo. It unrolls loops and allocates registers,
// so that one description gives the tile of each instruction set. Run it through `go generate ./internal/kernel`; a test checks that the
// committed files match its output.
package main
