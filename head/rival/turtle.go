package rival

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// turtle is TURTLE (Gadetsky, Jiang and Brbić 2024, arXiv 2406.07236, eq. 5 to 8) on one representation space: labels τ = softmax(θ(x))
// such that a linear classifier trained on them for a few steps predicts them well, while all classes are used,
//
//	L(θ) = −1/n Σ_i Σ_c τ_ic ln q_ic − γ H(π),   q = softmax of the classifier after M steps on τ,   π = 1/n Σ_i τ_i.
//
// The classifier is constant when the gradient is computed (the first-order hypergradient, as published):
//
//	∂L/∂τ_ic = (−ln q_ic + γ (ln π_c + 1))/n,   then through the softmax and the weight normalisation of θ.
type turtle struct {
	data    *method.Data
	n, k, d int
	rate    float64 // learning rate of the inner classifier

	task             *linear.Head // θ, computed from direction and scale
	direction, scale []float32    // k×d and k
	labels, dLabels  []float32    // n×k
	inner            *linear.Head // the classifier
	q                []float32
	dWeight, dBias   []float32
	dDirection       []float32
	dScale           []float32
	learner          *train.Learner[float32]
}

const (
	turtleGamma = 10   // γ
	turtleInner = 10   // M
	turtleRate  = 1e-3 // default rate of both optimisers
)

// TURTLE has the published settings: γ = 10, M = 10 inner steps from a new classifier, Adam at 1e-3 for both optimisers, batches of 10,000,
// 6,000 iterations (here: epochs of one step each).
type TURTLE struct {
	method.Scaling
	method.Descent
	Batch int
}

// Settings implements method.Recipe.
func (s *TURTLE) Settings() setting.List {
	list := setting.Join(s.Scaling.Settings(), setting.List{setting.Int("batch", &s.Batch, 2, 0, "rows per step")}, s.Descent.Settings("number of steps"))
	return list
}

// Resolve implements method.Recipe.
func (s *TURTLE) Resolve(n int) ([]string, error) {
	return method.Shrink(&s.Batch, n), nil
}

// Learn implements method.Recipe.
func (s *TURTLE) Learn(ctx context.Context, data *method.Data) (*method.Outcome, error) {
	n, k, d := s.Batch, data.Clusters, data.Features.Dim()
	u := &turtle{
		data: data, n: n, k: k, d: d, rate: s.LearningRate,
		direction: make([]float32, k*d), scale: make([]float32, k),
		labels: make([]float32, n*k), dLabels: make([]float32, n*k), q: make([]float32, n*k),
		dWeight: make([]float32, k*d), dBias: make([]float32, k), dDirection: make([]float32, k*d), dScale: make([]float32, k),
	}
	u.task = linear.New(k, d, rand.New(rand.NewPCG(data.Seed, 0x747572746c65)))
	copy(u.direction, u.task.Weight)
	for c := range k {
		u.scale[c] = float32(math.Sqrt(float64(kernel.SquaredNorm(u.direction[c*d : (c+1)*d]))))
	}
	u.learner = &train.Learner[float32]{
		Parameters: [][]float32{u.direction, u.scale, u.task.Bias}, Gradients: [][]float32{u.dDirection, u.dScale, u.dBias}, Optimiser: &optim.Adam[float32]{},
	}
	if err := train.Train(ctx, data.Run, "task", u, train.Plan{Epochs: s.Epochs, Steps: 1, Rate: s.LearningRate, Schedule: s.At()}); err != nil {
		return nil, err
	}
	icon.WeightNorm(u.task.Weight, u.direction, u.scale, k, d)
	return &method.Outcome{Head: u.task, Loss: u.learner.Loss}, nil
}

// Learners implements train.Task.
func (u *turtle) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{u.learner} }

// Kept implements train.Task.
func (u *turtle) Kept() []train.Tensor { return nil }

// source is the random source of a step.
func (u *turtle) source(step int) *rand.Rand {
	return rand.New(rand.NewPCG(u.data.Seed, 0x6261746368<<20|uint64(step)))
}

// Propose implements train.Task: it draws rows with replacement, or takes all of them if they fit into a batch.
func (u *turtle) Propose(b *train.Batch) error {
	if b.X == nil {
		b.X, b.Rows = make([]float32, u.n*u.d), make([]int32, u.n)
	}
	r := u.source(b.Epoch)
	for e := range b.Rows {
		if b.Rows[e] = int32(r.IntN(u.data.Features.Len())); u.n == u.data.Features.Len() {
			b.Rows[e] = int32(e)
		}
	}
	return u.data.Features.Gather(b.X, b.Rows)
}

// Gradient implements train.Task: one outer iteration.
func (u *turtle) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	if b.Epoch > 0 {
		icon.WeightNorm(u.task.Weight, u.direction, u.scale, u.k, u.d)
	}
	r := u.source(b.Epoch)
	for range b.Rows { // skip the numbers that Propose drew: what follows in the same source determines the result
		r.IntN(u.data.Features.Len())
	}
	x, workers := b.X, u.data.Workers
	if err := u.task.Logits(ctx, u.labels, x, u.n, workers); err != nil {
		return 0, err
	}
	if err := softmaxRows(ctx, u.labels, u.n, u.k, 1, workers); err != nil {
		return 0, err
	}
	if err := u.classifier(ctx, x, r); err != nil {
		return 0, err
	}
	if err := u.inner.Logits(ctx, u.q, x, u.n, workers); err != nil {
		return 0, err
	}
	if err := softmaxRows(ctx, u.q, u.n, u.k, 1, workers); err != nil {
		return 0, err
	}
	value, err := turtleLoss(ctx, u.dLabels, u.labels, u.q, u.n, u.k, turtleGamma, workers)
	if err != nil {
		return 0, err
	}
	throughSoftmax(u.dLabels, u.labels, u.n, u.k, 1)
	if err := u.task.Backward(ctx, u.dWeight, u.dBias, u.dLabels, x, u.n, workers); err != nil {
		return 0, err
	}
	icon.ThroughWeightNorm(u.dDirection, u.dScale, u.dWeight, u.direction, u.scale, u.k, u.d)
	return value, nil
}

// classifier trains a new classifier on the labels: ∂/∂logits of the cross-entropy is (q − τ)/n.
func (u *turtle) classifier(ctx context.Context, x []float32, r *rand.Rand) error {
	u.inner = linear.New(u.k, u.d, r)
	var adam optim.Adam[float32]
	for range turtleInner {
		if err := u.inner.Logits(ctx, u.q, x, u.n, u.data.Workers); err != nil {
			return err
		}
		err := parallel.Blocks(ctx, u.data.Workers, u.n, 256, func(_, lo, hi int) error {
			for i := lo; i < hi; i++ {
				row := u.q[i*u.k : (i+1)*u.k]
				kernel.Softmax(row, row)
				kernel.AddScaled(row, -1, u.labels[i*u.k:(i+1)*u.k])
				kernel.Scale(row, 1/float32(u.n))
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := u.inner.Backward(ctx, u.dWeight, u.dBias, u.q, x, u.n, u.data.Workers); err != nil {
			return err
		}
		adam.Step(u.inner.Parameters(), [][]float32{u.dWeight, u.dBias}, u.rate)
	}
	return nil
}

// turtleLoss writes ∂L/∂τ and returns L.
func turtleLoss(ctx context.Context, d, labels, q []float32, n, k int, gamma float64, workers int) (float64, error) {
	value := 0.0
	slope := make([]float32, k)
	for c, s := range linear.ColumnSums(labels, n, k) {
		pi := max(tiny, s/float64(n))
		value += gamma * pi * math.Log(pi)
		slope[c] = float32(gamma * (math.Log(pi) + 1) / float64(n))
	}
	sums := make([]float64, parallel.Count(n, 256))
	err := parallel.Blocks(ctx, workers, n, 256, func(b, lo, hi int) error {
		for i := lo; i < hi; i++ {
			row := d[i*k : (i+1)*k]
			for c, v := range q[i*k : (i+1)*k] {
				row[c] = max(tiny, v)
			}
			kernel.Log(row, row)
			sums[b] -= float64(kernel.Dot(row, labels[i*k:(i+1)*k])) / float64(n)
			kernel.Scale(row, -1/float32(n))
			kernel.AddScaled(row, 1, slope)
		}
		return nil
	})
	for _, s := range sums {
		value += s
	}
	return value, err
}
