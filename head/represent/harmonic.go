package represent

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/sampling"
	"iconic/head/train"
	"iconic/internal/parallel"
)

// harmonic trains a linear map and a prototype for each class, with probabilities ∝ d^−(ν+1), ν = 2·dimensions − 1 (Baek et al. 2025: their
// exponent n is the number of dimensions). A point's class is that of the nearest prototype.
type harmonic struct {
	*sampling.Sampler
	recipe  *Contrast
	data    *method.Data
	net     icon.Mapper[float32]
	w, dw   []float32 // prototypes
	learner *train.Learner[float32]
	loss    icon.Loss[float32]
}

func newHarmonic(_ context.Context, c *Contrast, d *method.Data) (mapping, error) {
	m, err := c.newMapper(d, d.Features.Dim(), 0)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(d.Seed, 0x70726f746f))
	w := make([]float32, d.Clusters*c.Dimensions)
	for e := range w {
		w[e] = float32(r.NormFloat64())
	}
	dw := make([]float32, len(w))
	return &harmonic{
		Sampler: sampling.New(d, c.Pairs, c.Anchors()), recipe: c, data: d, net: m, w: w, dw: dw, learner: c.learner([][]float32{w}, [][]float32{dw}, m),
		loss: icon.Loss[float32]{Learned: icon.Power{Exponent: 2 * float64(c.Dimensions)}, Workers: d.Workers},
	}, nil
}

func (t *harmonic) mapper() icon.Mapper[float32] { return t.net }

func (t *harmonic) distributions(_ context.Context, z []float32) (*method.Distributions, error) {
	p, err := icon.Prototypes(t.data.Labels, t.data.Clusters)
	return &method.Distributions{Supervisory: p, Learned: t.loss.Learned, Z: z, Dim: t.recipe.Dimensions, Others: t.w, Candidates: method.ClassCandidates}, err
}

// Learners implements train.Task.
func (t *harmonic) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *harmonic) Kept() []train.Tensor { return nil }

// Gradient implements train.Task.
func (t *harmonic) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	p, err := icon.Prototypes(labelsOf(t.data, b.Rows), t.data.Clusters)
	if err != nil {
		return 0, err
	}
	z := t.net.Forward(b.X, len(b.Rows))
	dz := make([]float32, len(z))
	value, err := t.loss.GradientBetween(ctx, dz, t.dw, z, t.w, len(b.Rows), t.data.Clusters, t.recipe.Dimensions, p)
	if err == nil {
		t.net.Backward(dz)
	}
	return value, err
}

// nearest returns the class of each row of z, that of the nearest prototype.
func (t *harmonic) nearest(ctx context.Context, z []float32) ([]int, error) {
	const rows = 1024
	out, n := t.recipe.Dimensions, t.data.Features.Len()
	cluster := make([]int, n)
	err := parallel.Blocks(ctx, t.data.Workers, n, rows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			best := math.Inf(1)
			for c := range t.data.Clusters {
				s := 0.0
				for e := range out {
					v := float64(z[i*out+e] - t.w[c*out+e])
					s += v * v
				}
				if s < best {
					best, cluster[i] = s, c
				}
			}
		}
		return nil
	})
	return cluster, err
}
