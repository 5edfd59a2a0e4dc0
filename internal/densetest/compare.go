package densetest

import (
	"slices"

	"iconic/head/partition"
)

// Compare compares the probabilities of k clusters that two classifiers give the same rows, row-major: same is the share of rows that they
// assign alike, whatever the numbers of their clusters, first and second their mean confidences.
func Compare(p, q []float32, k int) (same, first, second float64, err error) {
	n := len(p) / k
	a, b := make([]int32, n), make([]int32, n)
	assign := func(cluster []int32, p []float32) (mean float64) {
		for i := range cluster {
			row := p[i*k : (i+1)*k]
			top := slices.Max(row)
			cluster[i] = int32(slices.Index(row, top))
			mean += float64(top) / float64(n)
		}
		return mean
	}
	first, second = assign(a, p), assign(b, q)
	same, err = partition.Agreement(a, b, k)
	return same, first, second, err
}
