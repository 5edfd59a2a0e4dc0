package kmeans

import (
	"fmt"
	"math"
	"slices"

	"iconic/internal/centred"
	"iconic/internal/kernel"
)

// Probabilities writes, for n rows x (n×Dim), the posterior over clusters into dst (n×Clusters): that of the mixture of equal spherical
// Gaussians whose limit is k-means, p(c|x) ∝ exp(−‖x−c‖²/2σ²), with σ² = Inertia/(rows·Dim), the remaining variance per coordinate. In many
// dimensions it is almost certain of every row; package head/baseline tempers it.
func (r *Result) Probabilities(dst, x []float32, n int) error { return r.Tempered(dst, x, n, 1) }

// Tempered is Probabilities with the exponents multiplied by scale ≥ 0, an inverse temperature.
func (r *Result) Tempered(dst, x []float32, n int, scale float64) error {
	if err := r.Logits(dst, x, n, scale); err != nil {
		return err
	}
	for i := range n {
		row := dst[i*r.Clusters : (i+1)*r.Clusters]
		kernel.Softmax(row, row)
	}
	return nil
}

// Logits writes, for n rows x (n×Dim), the exponents of that posterior into dst (n×Clusters), multiplied by scale and up to a constant per
// row: (x·c − ‖c‖²/2)/σ².
func (r *Result) Logits(dst, x []float32, n int, scale float64) error {
	if len(x) < n*r.Dim || len(dst) < n*r.Clusters {
		return fmt.Errorf("k-means posterior: %d numbers of features and %d of results do not match %d rows of %d and %d", len(x), len(dst), n, r.Dim, r.Clusters)
	}
	frame, centroids, half := r.frame()
	variance := r.Inertia / float64(max(1, len(r.Assignment))) / float64(max(1, r.Dim)) * frame.Scale * frame.Scale
	inverse := float32(scale / max(variance, 1e-20))
	moved := make([]float32, min(n, blockRows)*r.Dim)
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		moved := moved[:copy(moved, x[lo*r.Dim:hi*r.Dim])]
		frame.Apply(moved)
		kernel.MulTransB(dst[lo*r.Clusters:], r.Clusters, moved, r.Dim, centroids, r.Dim, hi-lo, r.Dim, r.Clusters, false)
	}
	for i := range n {
		row := dst[i*r.Clusters : (i+1)*r.Clusters]
		for c := range row {
			row[c] = max(-math.MaxFloat32, min(math.MaxFloat32, (row[c]-half[c])*inverse))
		}
	}
	return nil
}

// Assign gives each of n rows x (n×Dim) to its nearest centroid, ties to the lowest.
func (r *Result) Assign(dst []int32, x []float32, n int) error {
	if len(x) < n*r.Dim || len(dst) < n {
		return fmt.Errorf("k-means assignment: %d numbers of features and %d results do not match %d rows of %d", len(x), len(dst), n, r.Dim)
	}
	frame, centroids, half := r.frame()
	products, moved := make([]float32, min(n, blockRows)*r.Clusters), make([]float32, min(n, blockRows)*r.Dim)
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		moved := moved[:copy(moved, x[lo*r.Dim:hi*r.Dim])]
		frame.Apply(moved)
		kernel.MulTransB(products, r.Clusters, moved, r.Dim, centroids, r.Dim, hi-lo, r.Dim, r.Clusters, false)
		for i := lo; i < hi; i++ {
			c := nearest(products[(i-lo)*r.Clusters:(i-lo+1)*r.Clusters], half)
			dst[i] = int32(c)
		}
	}
	return nil
}

// frame returns the frame in which distances to the centroids are computed, centred on their mean and at their own scale, with the
// transformed centroids and ½‖c‖² of each.
func (r *Result) frame() (f *centred.Matrix, centroids, half []float32) {
	f = &centred.Matrix{Mean: make([]float64, r.Dim)}
	widest := 0.0
	for e := range f.Mean {
		low, high := math.Inf(1), math.Inf(-1)
		for c := range r.Clusters {
			v := float64(r.Centroids[c*r.Dim+e])
			f.Mean[e] += v / float64(r.Clusters)
			low, high = min(low, v), max(high, v)
		}
		widest = max(widest, high-low)
	}
	f.Scale = centred.Unit(widest)
	centroids, half = slices.Clone(r.Centroids), make([]float32, r.Clusters)
	f.Apply(centroids)
	for c := range half {
		half[c] = kernel.SquaredNorm(centroids[c*r.Dim:(c+1)*r.Dim]) / 2
	}
	return f, centroids, half
}
