package represent

import (
	"context"
	"errors"
	"fmt"

	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/sampling"
	"iconic/head/train"
	"iconic/matrix"
)

// opposite is the other side of a pair: the features of a second set, or those of all augmented views, one after the other.
type opposite struct {
	name     string
	features func(d *method.Data) matrix.Features
}

var (
	secondSet  = opposite{"the second set", func(d *method.Data) matrix.Features { return d.Second }}
	otherViews = opposite{"the augmented views", func(d *method.Data) matrix.Features {
		if len(d.Views) == 1 {
			return d.Views[0]
		}
		return &matrix.Stacked{N: d.Features.Len(), Sets: d.Views}
	}}
)

// scaled returns the features as those of the first side are: standardised, or else in a unit in which a mapper can learn.
func (o opposite) scaled(ctx context.Context, c *Contrast, d *method.Data) (matrix.Features, error) {
	f := o.features(d)
	moments, err := matrix.Measure(ctx, f, d.Workers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	if c.Standardize {
		return matrix.Standardize(f, moments), nil
	}
	if s := matrix.InUnit(f, moments); s != nil {
		return s, nil
	}
	return f, nil
}

// paired trains a mapper for each of two sets so that each point's partner is the most similar in a batch, from either side (Radford et al.
// 2021, fig. 3). A batch consists of anchors only. If an image has several augmented views, each step draws one of them as its partner.
type paired struct {
	*sampling.Sampler
	recipe   *Contrast
	data     *method.Data
	other    matrix.Features // of as many rows as the features, or, for several views, a multiple
	one, two icon.Mapper[float32]
	learner  *train.Learner[float32]
}

func newPaired(other opposite) func(context.Context, *Contrast, *method.Data) (mapping, error) {
	return func(ctx context.Context, c *Contrast, d *method.Data) (mapping, error) {
		f, err := other.scaled(ctx, c, d)
		if err != nil {
			return nil, err
		}
		t := &paired{Sampler: sampling.New(d, c.Pairs, c.Anchors()), recipe: c, data: d, other: f}
		if t.one, err = c.newMapper(d, d.Features.Dim(), 1); err != nil {
			return nil, err
		}
		if t.two, err = c.newMapper(d, f.Dim(), 2); err != nil {
			return nil, err
		}
		t.learner = c.learner(nil, nil, t.one, t.two)
		return t, nil
	}
}

func (t *paired) mapper() icon.Mapper[float32] { return t.one }

func (t *paired) distributions(ctx context.Context, z []float32) (*method.Distributions, error) {
	l := t.recipe.cosine(t.data)
	n := t.data.Features.Len()
	others, err := represent(ctx, &matrix.Subset{Features: t.other, Rows: everyRow(n)}, t.two, t.recipe.Dimensions) // of several views the first
	return &method.Distributions{
		Supervisory: icon.Pairs(n), Alpha: l.Alpha, Learned: l.Learned, Z: z, Dim: t.recipe.Dimensions, Others: others, Beta: l.Beta,
		Candidates: method.SecondCandidates, Note: "one of two directions, from these features to the other set, over all points; a training step uses those of its batch",
	}, err
}

// Learners implements train.Task.
func (t *paired) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *paired) Kept() []train.Tensor { return nil }

// Propose implements train.Task: it takes the anchors of a batch from both sets.
func (t *paired) Propose(b *train.Batch) error {
	b.Rows = t.Anchors(b.Rows[:0], b)
	n := len(b.Rows)
	if len(b.X) == 0 {
		b.X, b.Other = make([]float32, n*t.data.Features.Dim()), make([]float32, n*t.other.Dim())
	}
	images := t.data.Features.Len()
	partners := b.Rows
	if views := t.other.Len() / images; views > 1 {
		partners = make([]int32, n)
		for e, i := range b.Rows {
			partners[e] = i + int32(images*t.View(i, b.Epoch, views))
		}
	}
	return errors.Join(t.data.Features.Gather(b.X, b.Rows), t.other.Gather(b.Other, partners))
}

// Gradient implements train.Task.
func (t *paired) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	n := len(b.Rows)
	z, w := t.one.Forward(b.X, n), t.two.Forward(b.Other, n)
	value, dz, dw, err := bothWays(ctx, t.recipe.cosine(t.data), z, w, n, t.recipe.Dimensions)
	if err == nil {
		t.one.Backward(dz)
		t.two.Backward(dw)
	}
	return value, err
}

// bothWays is the mean of the losses of z among w and of w among z, and its gradients.
func bothWays(ctx context.Context, l icon.Loss[float32], z, w []float32, n, d int) (value float64, dz, dw []float32, err error) {
	dz, dw = make([]float32, n*d), make([]float32, n*d)
	backZ, backW := make([]float32, n*d), make([]float32, n*d)
	there, err := l.GradientBetween(ctx, dz, dw, z, w, n, n, d, icon.Pairs(n))
	if err != nil {
		return 0, nil, nil, err
	}
	back, err := l.GradientBetween(ctx, backW, backZ, w, z, n, n, d, icon.Pairs(n))
	if err != nil {
		return 0, nil, nil, err
	}
	for e := range dz {
		dz[e], dw[e] = (dz[e]+backZ[e])/2, (dw[e]+backW[e])/2
	}
	return (there + back) / 2, dz, dw, nil
}
