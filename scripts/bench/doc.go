// Command bench measures what docs/performance.md says, and writes it there. Each section of that page stands between two
// comments of its name, so that one can be measured anew and the others stay:
//
//	go run ./scripts/bench -python PYTHON [kernels] [step] [training] [neighbours] [large]
//
// PYTHON is an interpreter with PyTorch 2: the rival. Both take turns in one run, so that whatever else the machine does
// falls on both, and the median counts.
package main
