package kmeans

import (
	"fmt"
	"math"
	"slices"

	"iconic/internal/centred"
	"iconic/internal/kernel"
)

// Posterior is the posterior over the clusters of a k-means result: that of the mixture of equal spherical Gaussians whose limit is k-means,
// p(c|x) ∝ exp(−scale·‖x−c‖²/2σ²), with σ² = Inertia/(rows·Dim), the remaining variance per coordinate. In many dimensions it is almost certain of
// every row at a scale of 1; package head/baseline tempers it.
type Posterior struct {
	frame     *frame
	dim, size int     // of a row, and number of clusters
	inverse   float32 // scale/σ² in the frame
	far       float32 // rows whose squared length in the frame is more than so many times their distance are compared directly (farFrom),
	typical   float32 // or this squared distance, if that is more: below it, the posterior hardly depends on a distance
}

// Posterior returns the posterior with the exponents multiplied by scale ≥ 0, an inverse temperature. It keeps a copy of the centroids.
func (r *Result) Posterior(scale float64) *Posterior {
	f := r.frame()
	variance := r.Inertia / float64(max(1, len(r.Assignment))) / float64(max(1, r.Dim)) * f.Scale * f.Scale
	return &Posterior{frame: f, dim: r.Dim, size: r.Clusters, inverse: float32(min(scale/max(variance, 1e-34), math.MaxFloat32)), far: farFrom(r.Dim), typical: float32(variance * float64(r.Dim))}
}

// Probabilities writes, for n rows x (n×Dim), the posterior at a scale of 1 into dst (n×Clusters).
func (r *Result) Probabilities(dst, x []float32, n int) error {
	return r.Posterior(1).Probabilities(dst, x, n)
}

// Probabilities writes, for n rows x (n×Dim), the posterior into dst (n×Clusters). It fails on sizes that do not match. Goroutines may share p.
func (p *Posterior) Probabilities(dst, x []float32, n int) error {
	if err := p.Logits(dst, x, n); err != nil {
		return err
	}
	for row := range slices.Chunk(dst[:n*p.size], p.size) {
		kernel.Softmax(row, row)
	}
	return nil
}

// Logits writes, for n rows x (n×Dim), the exponents into dst (n×Clusters), less the largest of each row, so that none is above 0.
func (p *Posterior) Logits(dst, x []float32, n int) error {
	if n < 0 || len(x) != n*p.dim || len(dst) < n*p.size {
		return fmt.Errorf("k-means posterior: %d numbers of features and %d of results do not match %d rows of %d and %d", len(x), len(dst), n, p.dim, p.size)
	}
	moved := make([]float32, min(n, blockRows)*p.dim)
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		moved := moved[:copy(moved, x[lo*p.dim:hi*p.dim])]
		p.frame.Apply(moved)
		kernel.MulTransB(dst[lo*p.size:], p.size, moved, p.dim, p.frame.centroids, p.dim, hi-lo, p.dim, p.size, false)
		for i := lo; i < hi; i++ {
			p.score(dst[i*p.size:(i+1)*p.size], moved[(i-lo)*p.dim:(i-lo+1)*p.dim], x[i*p.dim:(i+1)*p.dim])
		}
	}
	for row := range slices.Chunk(dst[:n*p.size], p.size) {
		top := kernel.Max(row)
		for c, v := range row {
			row[c] = (v - top) * p.inverse
		}
	}
	return nil
}

// score turns the products of a row x, and moved in the frame, with all centroids into scores x·c − ½‖c‖², or if these would lose the distances, into −½‖x−c‖².
func (p *Posterior) score(scores, moved, x []float32) {
	kernel.AddScaled(scores, -1, p.frame.half)
	top := max(0, slices.Index(scores, kernel.Max(scores)))
	if kernel.SquaredNorm(moved) <= p.far*max(p.typical, kernel.SquaredDistance(moved, p.frame.centroids[top*p.dim:(top+1)*p.dim])) {
		return
	}
	for c := range scores { // in float64, since the frame may have rounded the row
		square := 0.0
		for e, v := range p.frame.given[c*p.dim : (c+1)*p.dim] {
			d := (float64(x[e]) - float64(v)) * p.frame.Scale
			square += d * d
		}
		scores[c] = float32(-square / 2)
	}
}

// Assign gives each of n rows x (n×Dim) to its nearest centroid, ties to the lowest. It fails on sizes that do not match.
func (r *Result) Assign(dst []int32, x []float32, n int) error {
	if n < 0 || len(x) != n*r.Dim || len(dst) < n {
		return fmt.Errorf("k-means assignment: %d numbers of features and %d results do not match %d rows of %d", len(x), len(dst), n, r.Dim)
	}
	p := &Posterior{frame: r.frame(), dim: r.Dim, size: r.Clusters, inverse: 1, far: farFrom(r.Dim)}
	logits := make([]float32, min(n, blockRows)*r.Clusters)
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		if err := p.Logits(logits, x[lo*r.Dim:hi*r.Dim], hi-lo); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			dst[i] = int32(max(0, slices.Index(logits[(i-lo)*r.Clusters:(i-lo+1)*r.Clusters], 0)))
		}
	}
	return nil
}

// frame is the frame in which distances to centroids are computed, centred among them and at their own scale.
type frame struct {
	*centred.Matrix
	centroids, half []float32 // in the frame, and ½‖c‖² of each
	given           []float32 // the centroids outside the frame
}

func (r *Result) frame() *frame {
	f, mean := &centred.Matrix{}, make([]float64, r.Dim)
	widest := 0.0
	for e := range mean {
		low, high := math.Inf(1), math.Inf(-1)
		for c := range r.Clusters {
			v := float64(r.Centroids[c*r.Dim+e])
			mean[e] += v / float64(r.Clusters)
			low, high = min(low, v), max(high, v)
		}
		widest = max(widest, high-low)
	}
	f.Centre, f.Scale = centred.Centre(mean, r.Centroids), centred.Unit(widest)
	given, half := slices.Clone(r.Centroids), make([]float32, r.Clusters)
	centroids := slices.Clone(given)
	f.Apply(centroids)
	for c := range half {
		half[c] = kernel.SquaredNorm(centroids[c*r.Dim:(c+1)*r.Dim]) / 2
	}
	return &frame{f, centroids, half, given}
}
