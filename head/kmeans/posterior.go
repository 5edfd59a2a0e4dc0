package kmeans

import (
	"fmt"
	"math"

	"iconic/internal/kernel"
)

// Probabilities writes, for n rows x (n×Dim), the posterior over clusters into dst (n×Clusters): that of the mixture of equal
// spherical Gaussians whose limit k-means is, p(c|x) ∝ exp(−‖x−c‖²/2σ²), with σ² = Inertia/(rows·Dim), the variance a
// coordinate has left. It gives the baseline a confidence, and so a calibration, of its own.
func (r *Result) Probabilities(dst, x []float32, n int) error {
	if len(x) < n*r.Dim || len(dst) < n*r.Clusters {
		return fmt.Errorf("k-means posterior: %d numbers of features and %d of results do not fit %d rows of %d and %d", len(x), len(dst), n, r.Dim, r.Clusters)
	}
	variance := r.Inertia / float64(max(1, len(r.Assignment))) / float64(max(1, r.Dim))
	inverse := float32(1 / max(variance, 1e-20))
	kernel.MulTransB(dst, r.Clusters, x, r.Dim, r.Centroids, r.Dim, n, r.Dim, r.Clusters, false)
	half := r.halfNorms()
	for i := range n {
		row := dst[i*r.Clusters : (i+1)*r.Clusters]
		for c := range row {
			row[c] = max(-math.MaxFloat32, min(math.MaxFloat32, (row[c]-half[c])*inverse))
		}
		kernel.Softmax(row, row)
	}
	return nil
}

// Assign gives each of n rows x (n×Dim) to its nearest centroid, ties to the lowest.
func (r *Result) Assign(dst []int32, x []float32, n int) error {
	if len(x) < n*r.Dim || len(dst) < n {
		return fmt.Errorf("k-means assignment: %d numbers of features and %d results do not fit %d rows of %d", len(x), len(dst), n, r.Dim)
	}
	half, products := r.halfNorms(), make([]float32, min(n, blockRows)*r.Clusters)
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		kernel.MulTransB(products, r.Clusters, x[lo*r.Dim:], r.Dim, r.Centroids, r.Dim, hi-lo, r.Dim, r.Clusters, false)
		for i := lo; i < hi; i++ {
			c := nearest(products[(i-lo)*r.Clusters:(i-lo+1)*r.Clusters], half)
			dst[i] = int32(c)
		}
	}
	return nil
}

// halfNorms is ½‖c‖² of each centroid.
func (r *Result) halfNorms() []float32 {
	half := make([]float32, r.Clusters)
	for c := range half {
		half[c] = kernel.SquaredNorm(r.Centroids[c*r.Dim:(c+1)*r.Dim]) / 2
	}
	return half
}
