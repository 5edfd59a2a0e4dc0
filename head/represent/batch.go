package represent

import (
	"context"
	"fmt"

	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/sampling"
	"iconic/head/train"
)

// gradient is a loss over one set of points: icon.Loss and its limits.
type gradient interface {
	Gradient(ctx context.Context, dz, z []float32, n, d int, p icon.Supervisory) (float64, error)
}

// Losses of a batch's representations.
func cosineLoss(c *Contrast, d *method.Data) gradient { return c.cosine(d) }

func studentLoss(c *Contrast, d *method.Data) gradient {
	return icon.Loss[float32]{Learned: icon.StudentT{Freedom: c.Freedom}, Alpha: c.Alpha, Beta: c.Beta, Workers: d.Workers}
}

func debiasedLoss(c *Contrast, d *method.Data) gradient {
	return icon.DCL[float32]{Temperature: c.Temperature, Positive: c.Positive, Workers: d.Workers}
}

func wideLoss(*Contrast, *method.Data) gradient { return icon.Wide[float32]{} }

func narrowLoss(_ *Contrast, d *method.Data) gradient {
	return icon.Narrow[float32]{Workers: d.Workers}
}

// target computes the supervisory distribution of a batch. If it is nil, each row's only neighbour is its partner.
type target func(c *Contrast, d *method.Data, rows []int32, x []float32) (*icon.Rows, error)

// batchLabels is uniform over the rows of the batch with the same label.
func batchLabels(_ *Contrast, d *method.Data, rows []int32, _ []float32) (*icon.Rows, error) {
	labels, members, same := labelsOf(d, rows), make([]int, d.Clusters), 0
	for _, l := range labels {
		same += members[l] // pairs with the earlier rows
		members[l]++
	}
	if most := icon.MostPairwise * icon.MostPairwise; 2*same > most {
		return nil, fmt.Errorf("%d pairs of rows with the same label in a batch of %d need too much memory: want at most %d pairs; use a smaller batch", 2*same, len(rows), most)
	}
	return icon.Labels(labels), nil
}

func labelsOf(d *method.Data, rows []int32) []int {
	labels := make([]int, len(rows))
	for e, i := range rows {
		labels[e] = d.Labels[int(i)%d.Features.Len()]
	}
	return labels
}

// batchSimilarity is over all rows of the batch, by exp(cos(x_i, x_j)/τ) of their features (Sobal et al. 2025, with images instead of
// captions).
func batchSimilarity(c *Contrast, data *method.Data, rows []int32, x []float32) (*icon.Rows, error) {
	p, err := icon.CosineNeighbours(x, len(rows), data.Features.Dim(), c.Temperature)
	if err != nil {
		return nil, fmt.Errorf("targets of a batch of %d rows: %w", len(rows), err)
	}
	return p, nil
}

// contrast trains one mapper by a loss over batches.
type contrast struct {
	*sampling.Sampler
	recipe  *Contrast
	data    *method.Data
	net     icon.Mapper[float32]
	learner *train.Learner[float32]
	loss    gradient
	p       target
}

func newContrast(loss func(*Contrast, *method.Data) gradient, p target) func(context.Context, *Contrast, *method.Data) (mapping, error) {
	return func(_ context.Context, c *Contrast, d *method.Data) (mapping, error) {
		m, err := c.newMapper(d, d.Features.Dim(), 0)
		if err != nil {
			return nil, err
		}
		return &contrast{sampling.New(d, c.Pairs, c.Anchors()), c, d, m, c.learner(nil, nil, m), loss(c, d), p}, nil
	}
}

func (t *contrast) mapper() icon.Mapper[float32] { return t.net }

// Learners implements train.Task.
func (t *contrast) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *contrast) Kept() []train.Tensor { return nil }

// Gradient implements train.Task.
func (t *contrast) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	supervisory := sampling.Partners(len(b.Rows))
	if t.p != nil {
		var err error
		if supervisory, err = t.p(t.recipe, t.data, b.Rows, b.X); err != nil {
			return 0, err
		}
	}
	z := t.net.Forward(b.X, len(b.Rows))
	dz := make([]float32, len(z))
	value, err := t.loss.Gradient(ctx, dz, z, len(b.Rows), t.recipe.Dimensions, supervisory)
	if err == nil {
		t.net.Backward(dz)
	}
	return value, err
}

func (t *contrast) distributions(_ context.Context, z []float32) (*method.Distributions, error) {
	l, ok := t.loss.(icon.Loss[float32])
	if !ok {
		return nil, nil
	}
	d := &method.Distributions{
		Alpha: l.Alpha, Learned: l.Learned, Z: z, Dim: t.recipe.Dimensions, Beta: l.Beta, Candidates: method.RowCandidates,
		Note: "both are computed over all points; a training step computes them over those of its batch",
	}
	var err error
	if t.p == nil {
		d.Supervisory, err = t.Rows()
		return d, err
	}
	n := t.data.Features.Len()
	x := make([]float32, n*t.data.Features.Dim())
	if err := t.data.Features.Block(x, 0, n); err != nil {
		return nil, err
	}
	d.Supervisory, err = t.p(t.recipe, t.data, everyRow(n), x)
	return d, err
}

func everyRow(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}
