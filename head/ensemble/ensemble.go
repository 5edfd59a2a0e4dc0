package ensemble

import (
	"context"
	"fmt"
	"slices"

	"iconic/head/linear"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Head is one linear head, or several with aligned clusters that vote. Several goroutines may call its methods at once. Its results for a
// row are the same to the bit, whatever other rows are in the call, and on any number of goroutines.
type Head struct {
	Members, Clusters, Dim int
	Weight                 []float32 // Members×Clusters×Dim
	Bias                   []float32 // Members×Clusters
	Temperature            float32   // T of the vote, Least to Most; 1 for a single head, whose weights can be scaled instead
	Flat                   float32   // share of the flattened distribution in the probabilities, from 0, below 1
	Power                  float32   // power of the flattened distribution, from 0, the uniform one, below 1
}

// Least and Most are the limits of a temperature.
const Least, Most = 1e-3, 1e3

// Floor is the smallest probability whose logarithm is taken, 2⁻¹²⁶, the smallest normal float32; smaller ones count as Floor.
const Floor float32 = 0x1p-126

// Of returns the ensemble of l alone. It shares the weights of l.
func Of(l *linear.Head) *Head {
	return &Head{Members: 1, Clusters: l.Clusters, Dim: l.Dim, Weight: l.Weight, Bias: l.Bias, Temperature: 1}
}

// New returns the ensemble of heads whose clusters are already aligned, at a temperature of 1. It copies their weights, and fails on an
// empty list and on heads of different sizes.
func New(members []*linear.Head) (*Head, error) {
	if len(members) == 0 {
		return nil, fmt.Errorf("an ensemble without heads")
	}
	e := &Head{Members: len(members), Clusters: members[0].Clusters, Dim: members[0].Dim, Temperature: 1}
	for m, l := range members {
		if l.Clusters != e.Clusters || l.Dim != e.Dim {
			return nil, fmt.Errorf("head %d of an ensemble has %d clusters over %d features, the first %d over %d", m, l.Clusters, l.Dim, e.Clusters, e.Dim)
		}
		e.Weight, e.Bias = append(e.Weight, l.Weight...), append(e.Bias, l.Bias...)
	}
	return e, e.Check()
}

// Check fails if sizes do not match, a weight is not finite, or the temperature or the flat share is out of range.
func (e *Head) Check() error {
	switch {
	case e.Members < 1 || e.Clusters < 1 || e.Dim < 1:
		return fmt.Errorf("%d heads of %d clusters over %d features: want at least one of each", e.Members, e.Clusters, e.Dim)
	case len(e.Bias)/e.Members != e.Clusters || len(e.Bias)%e.Members != 0 || len(e.Weight)/e.Dim != len(e.Bias) || len(e.Weight)%e.Dim != 0:
		return fmt.Errorf("%d weights and %d biases do not match %d heads of %d clusters over %d features", len(e.Weight), len(e.Bias), e.Members, e.Clusters, e.Dim)
	case !(e.Temperature >= Least && e.Temperature <= Most):
		return fmt.Errorf("temperature %g: want %g to %g", e.Temperature, Least, Most)
	case e.Members == 1 && e.Temperature != 1:
		return fmt.Errorf("temperature %g of a single head: want 1", e.Temperature)
	case !(e.Flat >= 0 && e.Flat < 1) || !(e.Power >= 0 && e.Power < 1):
		return fmt.Errorf("a flat share of %g at a power of %g: want numbers from 0, below 1", e.Flat, e.Power)
	case !e.Finite():
		return fmt.Errorf("weights that are not finite")
	}
	return nil
}

// wide returns all members as one linear head, whose clusters are those of the first member, then those of the second, and so on.
func (e *Head) wide() *linear.Head {
	return &linear.Head{Clusters: e.Members * e.Clusters, Dim: e.Dim, Weight: e.Weight, Bias: e.Bias}
}

// Member returns head m, counted from 0. It shares the ensemble's weights.
func (e *Head) Member(m int) *linear.Head {
	k, d := e.Clusters, e.Dim
	return &linear.Head{Clusters: k, Dim: d, Weight: e.Weight[m*k*d : (m+1)*k*d], Bias: e.Bias[m*k : (m+1)*k]}
}

// Parameters returns the weights and biases.
func (e *Head) Parameters() [][]float32 { return [][]float32{e.Weight, e.Bias} }

// Finite reports whether every weight is finite.
func (e *Head) Finite() bool { return e.wide().Finite() }

// Fold returns the ensemble that gives, on unscaled features, the same results as e on standardised ones.
func (e *Head) Fold(s *matrix.Standardized) *Head {
	w := e.wide().Fold(s)
	return &Head{e.Members, e.Clusters, e.Dim, w.Weight, w.Bias, e.Temperature, e.Flat, e.Power}
}

// strip is the number of rows in one product: their logits need a few megabytes, whatever the size of the ensemble.
func (e *Head) strip() int {
	const numbers = 1 << 20
	return max(1, min(512, numbers/(e.Members*e.Clusters)))
}

// Assignments writes the probabilities p (n×Clusters) of features x (n×Dim) on the calling goroutine.
func (e *Head) Assignments(dst, x []float32, n int) {
	switch {
	case e.Flat > 0:
		e.logits(dst, x, n)
		e.flatten(dst[:n*e.Clusters])
	case e.Members == 1:
		e.wide().Assignments(dst, x, n)
	case e.Temperature == 1:
		e.vote(dst, x, n)
	default:
		e.logits(dst, x, n)
		for row := range slices.Chunk(dst[:n*e.Clusters], e.Clusters) {
			kernel.Softmax(row, row)
		}
	}
}

// flatten turns rows of logits into probabilities with the flat share: softmax(ρ z) is p^ρ/Σp^ρ.
func (e *Head) flatten(z []float32) {
	flat := make([]float32, e.Clusters)
	for row := range slices.Chunk(z, e.Clusters) {
		copy(flat, row)
		kernel.Scale(flat, e.Power)
		kernel.Softmax(flat, flat)
		kernel.Softmax(row, row)
		kernel.Scale(row, 1-e.Flat)
		kernel.AddScaled(row, e.Flat, flat)
	}
}

// vote writes the mean of the members' probabilities, p̄ (n×Clusters).
func (e *Head) vote(dst, x []float32, n int) {
	l, k, strip := e.wide(), e.Clusters, e.strip()
	z := make([]float32, min(n, strip)*l.Clusters)
	share := 1 / float32(e.Members)
	for lo := 0; lo < n; lo += strip {
		rows := min(strip, n-lo)
		l.Block(z, x[lo*e.Dim:(lo+rows)*e.Dim], rows)
		for i := range rows {
			mean := dst[(lo+i)*k : (lo+i+1)*k]
			clear(mean)
			for own := z[i*l.Clusters : (i+1)*l.Clusters]; len(own) > 0; own = own[k:] {
				kernel.Softmax(own[:k], own[:k])
				kernel.AddScaled(mean, share, own[:k])
			}
			for c, p := range mean {
				mean[c] = min(p, 1) // the sum of seven sevenths may exceed 1
			}
		}
	}
}

// temper turns a row of p̄ into logits of p: ln max(p̄, Floor) / T.
func (e *Head) temper(row []float32) {
	logarithms(row)
	kernel.Scale(row, 1/e.Temperature)
}

// logarithms turns probabilities p into ln max(p, Floor), which is finite.
func logarithms(p []float32) {
	for i, v := range p {
		p[i] = max(v, Floor)
	}
	kernel.Log(p, p)
}

// Block writes logits of n rows on the calling goroutine: z whose row softmax is p. Those of a single head are its own, those of several
// are ln max(p̄, Floor)/T, at most 0; with a flat share they are ln max(p, Floor).
func (e *Head) Block(dst, x []float32, n int) {
	if e.Flat == 0 {
		e.logits(dst, x, n)
		return
	}
	e.Assignments(dst, x, n)
	logarithms(dst[:n*e.Clusters])
}

// logits writes the logits of n rows without the flat share.
func (e *Head) logits(dst, x []float32, n int) {
	if e.Members == 1 {
		e.wide().Block(dst, x, n)
		return
	}
	e.vote(dst, x, n)
	for row := range slices.Chunk(dst[:n*e.Clusters], e.Clusters) {
		e.temper(row)
	}
}

// Logits writes the logits z (n×Clusters) of features x (n×Dim), as Block does.
func (e *Head) Logits(ctx context.Context, z, x []float32, n, workers int) error {
	const rows = 512
	return parallel.Blocks(ctx, workers, n, rows, func(_, lo, hi int) error {
		e.Block(z[lo*e.Clusters:hi*e.Clusters], x[lo*e.Dim:hi*e.Dim], hi-lo)
		return nil
	})
}

// Probabilities writes the cluster probabilities (n×Clusters) of features x (n×Dim). It fails on sizes that do not match.
func (e *Head) Probabilities(dst, x []float32, n int) error {
	if n < 0 || len(x) != n*e.Dim || len(dst) < n*e.Clusters {
		return fmt.Errorf("probabilities: %d numbers of features and %d of results do not match %d rows of %d and %d", len(x), len(dst), n, e.Dim, e.Clusters)
	}
	e.Assignments(dst, x, n)
	return nil
}

// AllLogits returns the logits of every row of f, f.Len()×Clusters.
func (e *Head) AllLogits(ctx context.Context, f matrix.Features, workers int) ([]float32, error) {
	z := make([]float32, f.Len()*e.Clusters)
	return z, e.each(ctx, f, workers, func(lo, n int, x []float32) error {
		e.Block(z[lo*e.Clusters:(lo+n)*e.Clusters], x, n)
		return nil
	})
}

// Argmaxes returns the cluster to which e assigns each row of f: the one with the highest probability, the first on ties. It fails on logits that
// make no probabilities (linear.NumbersError).
func (e *Head) Argmaxes(ctx context.Context, f matrix.Features, workers int) ([]int, error) {
	if e.Members == 1 {
		return e.wide().Argmaxes(ctx, f, workers)
	}
	cluster := make([]int, f.Len())
	return cluster, e.each(ctx, f, workers, func(lo, n int, x []float32) error {
		p := make([]float32, n*e.Clusters)
		e.Assignments(p, x, n)
		for i := range n {
			row := p[i*e.Clusters : (i+1)*e.Clusters]
			if !linear.Below(row) {
				return &linear.NumbersError{Numbers: fmt.Sprintf("logits of row %d are", lo+i)}
			}
			cluster[lo+i] = linear.ArgMax(row)
		}
		return nil
	})
}

// each calls work with blocks of n rows of f from row lo on.
func (e *Head) each(ctx context.Context, f matrix.Features, workers int, work func(lo, n int, x []float32) error) error {
	const rows = 1024
	return parallel.Blocks(ctx, workers, f.Len(), rows, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*e.Dim)
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		return work(lo, hi-lo, x)
	})
}
