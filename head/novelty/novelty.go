package novelty

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/internal/safetensors"
	"iconic/matrix"
)

// Options are the settings of Fit.
type Options struct {
	References int // largest number of features kept; 0: 4096
	Probes     int // largest number of features that determine the threshold; 0: 16384
	Seed       uint64
	Workers    int // goroutines; all processors when < 1
}

// Kept is the share of the training set that is within the threshold.
const Kept = 0.95

// Detector holds a sample of the training set and a threshold.
type Detector struct {
	Threshold float64 // cosine distance, 0 to 2, beyond which an image is unlike all of the set
	Dim       int

	References []float32 // sample of the set, n×Dim, scaled to length 1
}

const blockRows = 256

// Fit draws references from a training set and computes the threshold: the share Kept of the set is within this distance of the nearest
// reference that is another row. It fails on a set of fewer than two rows, and with ctx's error when ctx ends.
func Fit(ctx context.Context, f matrix.Features, o Options) (*Detector, error) {
	n := f.Len()
	if n < 2 {
		return nil, fmt.Errorf("novelty: %d features: want at least 2", n)
	}
	if o.References < 1 {
		o.References = 4096
	}
	if o.Probes < 1 {
		o.Probes = 16384
	}
	order := rand.New(rand.NewPCG(o.Seed, 0x6e6f76656c747900)).Perm(n)
	rows := make([]int32, n)
	for i, at := range order {
		rows[i] = int32(at)
	}
	d := &Detector{Dim: f.Dim()}
	kept := rows[:min(n, o.References)]
	d.References = make([]float32, len(kept)*d.Dim)
	if err := f.Gather(d.References, kept); err != nil {
		return nil, fmt.Errorf("novelty: %w", err)
	}
	kernel.NormalizeRows(d.References, d.Dim)

	// Probes are drawn in the same order, so that probe i is reference i if both exist.
	probes := rows[:min(n, o.Probes)]
	distances := make([]float64, len(probes))
	err := parallel.Blocks(ctx, o.Workers, len(probes), blockRows, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*d.Dim)
		if err := f.Gather(x, probes[lo:hi]); err != nil {
			return err
		}
		d.distances(distances[lo:hi], x, lo)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("novelty: %w", err)
	}
	slices.Sort(distances)
	d.Threshold = distances[int(math.Ceil(Kept*float64(len(distances))))-1]
	return d, nil
}

// Distances writes, for n rows of features, the cosine distance to the nearest reference, 0 to 2. Features of length 0 have no direction
// and get distance 1.
func (d *Detector) Distances(dst []float64, features []float32, n int) error {
	if n < 0 || len(features) != n*d.Dim || len(dst) < n {
		return fmt.Errorf("novelty: %d numbers of features and %d of results do not match %d rows of %d", len(features), len(dst), n, d.Dim)
	}
	for lo := 0; lo < n; lo += blockRows {
		hi := min(n, lo+blockRows)
		d.distances(dst[lo:hi], slices.Clone(features[lo*d.Dim:hi*d.Dim]), math.MaxInt)
	}
	return nil
}

// distances computes the distances of the rows of x, which it scales to length 1. Row i is not compared with reference first+i, which is
// the same row if it exists.
func (d *Detector) distances(dst []float64, x []float32, first int) {
	kernel.NormalizeRows(x, d.Dim)
	n, m := len(dst), len(d.References)/d.Dim
	products := make([]float32, n*m)
	kernel.MulTransB(products, m, x, d.Dim, d.References, d.Dim, n, d.Dim, m, false)
	for i := range dst {
		row := products[i*m : (i+1)*m]
		if own := first + i; first < m && own < m {
			row[own] = float32(math.Inf(-1))
		}
		dst[i] = min(2, max(0, 1-float64(kernel.Max(row))))
	}
}

const (
	tensorName   = "references"
	thresholdKey = "threshold"
)

// Save writes a detector to a file, atomically.
func (d *Detector) Save(name string) error {
	tensor := safetensors.FromFloat32(tensorName, d.References, len(d.References)/d.Dim, d.Dim)
	return safetensors.WriteFile(name, []safetensors.Tensor{tensor}, map[string]string{thresholdKey: strconv.FormatFloat(d.Threshold, 'g', -1, 64)})
}

// squares is Σ xᵢ² in float64.
func squares(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// Load reads a file that Save wrote; it returns nil if there is no such file.
func Load(name string) (*Detector, error) {
	f, err := safetensors.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &Detector{}
	if d.Threshold, err = strconv.ParseFloat(f.Metadata[thresholdKey], 64); err != nil || !(d.Threshold >= 0 && d.Threshold <= 2) {
		return nil, fmt.Errorf("%s: threshold %q: want a number from 0 to 2", name, f.Metadata[thresholdKey])
	}
	info, err := f.Lookup(tensorName)
	if err != nil {
		return nil, err
	}
	if len(info.Shape) != 2 || info.Shape[0] < 1 || info.Shape[1] < 1 {
		return nil, fmt.Errorf("%s: %s has shape %v: want a matrix", name, tensorName, info.Shape)
	}
	d.Dim = info.Shape[1]
	if d.References, err = f.Float32(tensorName); err != nil {
		return nil, err
	}
	for i := range info.Shape[0] {
		// The length of a reference is 1, or 0 for features without a direction; NaN is neither.
		if row := d.References[i*d.Dim : (i+1)*d.Dim]; !(squares(row) < 1+1e-3) {
			return nil, fmt.Errorf("%s: row %d of %s is not of length 1: the file is damaged", name, i, tensorName)
		}
	}
	return d, nil
}
