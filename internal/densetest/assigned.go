package densetest

import "slices"

// Assigned returns the most probable of k clusters for each row of probabilities p, row-major, the first on ties, and the mean of the largest
// probabilities.
func Assigned(p []float32, k int) (cluster []int32, confidence float64) {
	n := len(p) / k
	cluster = make([]int32, n)
	for i := range cluster {
		row := p[i*k : (i+1)*k]
		top := slices.Max(row)
		cluster[i] = int32(slices.Index(row, top))
		confidence += float64(top) / float64(n)
	}
	return cluster, confidence
}
