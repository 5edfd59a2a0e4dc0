package represent

import (
	"context"

	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/sampling"
	"iconic/head/train"
)

// moco compares anchors with their partners' keys, computed by the mapper's moving average, and with the keys of earlier batches: a second
// set, in which each anchor's neighbour is its own key (He et al. 2020, eq. 1 and 2).
type moco struct {
	*sampling.Sampler
	recipe     *Contrast
	data       *method.Data
	query, key icon.Mapper[float32]
	learner    *train.Learner[float32]
	bank       []float32 // Bank keys, latest first
	filled     []int64   // number of keys so far
}

func newMoCo(_ context.Context, c *Contrast, d *method.Data) (mapping, error) {
	query, err := c.newMapper(d, d.Features.Dim(), 0)
	if err != nil {
		return nil, err
	}
	key, err := c.newMapper(d, d.Features.Dim(), 0) // the same start
	if err != nil {
		return nil, err
	}
	t := &moco{Sampler: sampling.New(d, c.Pairs, c.Anchors()), recipe: c, data: d, query: query, key: key, learner: c.learner(nil, nil, query)}
	t.learner.Average, t.learner.Decay = key.Parameters(), c.EMA
	t.bank, t.filled = make([]float32, c.Bank*c.Dimensions), make([]int64, 1)
	return t, nil
}

func (t *moco) mapper() icon.Mapper[float32] { return t.query }

// Learners implements train.Task.
func (t *moco) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *moco) Kept() []train.Tensor {
	return []train.Tensor{{Name: "bank", Float32: t.bank}, {Name: "filled", Int64: t.filled}}
}

// Gradient implements train.Task.
func (t *moco) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	out := t.recipe.Dimensions
	anchors, others := sampling.Halves(b.X, len(b.Rows), t.data.Features.Dim())
	n := len(b.Rows) / 2
	z, keys := t.query.Forward(anchors, n), t.key.Forward(others, n)
	w := append(append([]float32(nil), keys...), t.bank[:int(t.filled[0])*out]...)
	dz := make([]float32, len(z))
	p, err := icon.Prototypes(ascending(n), len(w)/out)
	if err != nil {
		return 0, err
	}
	value, err := t.recipe.cosine(t.data).GradientBetween(ctx, dz, nil, z, w, n, len(w)/out, out, p)
	if err != nil {
		return 0, err
	}
	t.query.Backward(dz)
	t.filled[0] = int64(copy(t.bank, w) / out)
	return value, nil
}

func (t *moco) distributions(ctx context.Context, z []float32) (*method.Distributions, error) {
	l := t.recipe.cosine(t.data)
	keys, err := represent(ctx, t.data.Features, t.key, t.recipe.Dimensions)
	if err != nil {
		return nil, err
	}
	p, err := t.Rows()
	return &method.Distributions{
		Supervisory: p, Alpha: l.Alpha, Learned: l.Learned, Z: z, Dim: t.recipe.Dimensions, Others: keys, Beta: l.Beta, Candidates: method.SecondCandidates,
		Note: "q is computed over the keys of all points; the training computes it over those of a batch and the latest in the bank",
	}, err
}

func ascending(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}
