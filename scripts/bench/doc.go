// Command bench makes the measurements of docs/performance.md and writes them there. Each section of that page is between two
// comments with its name, so that one section can be measured again while the others are kept:
//
//	go run ./scripts/bench -python PYTHON [kernels] [step] [training] [neighbours] [large]
//
// PYTHON is an interpreter with PyTorch 2, the rival. Both take turns in one run, so that other load on the machine affects
// both, and the median counts.
package main
