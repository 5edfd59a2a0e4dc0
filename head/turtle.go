package head

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/optim"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// turtle is TURTLE (Gadetsky, Jiang and Brbić 2024, arXiv 2406.07236, eq. 5 to 8) over one representation space: labels τ = softmax(θ(x)) such
// that a linear classifier trained on them for a few steps predicts them well, while all classes are used,
//
//	L(θ) = −1/n Σ_i Σ_c τ_ic ln q_ic − γ H(π),   q = softmax of the classifier after M steps on τ,   π = 1/n Σ_i τ_i.
//
// The classifier is held fixed when the gradient is taken (the first-order hypergradient, as published):
//
//	∂L/∂τ_ic = (−ln q_ic + γ (ln π_c + 1))/n,   then through the softmax and the weight normalisation of θ.
type turtle struct {
	*training
	n, k, d int

	task             *Linear   // θ, made of direction and scale
	direction, scale []float32 // k×d and k
	labels, dLabels  []float32 // n×k
	inner            *Linear   // the classifier
	q                []float32
	dWeight, dBias   []float32
	dDirection       []float32
	dScale           []float32
	outer            optim.Adam[float32]
}

const (
	turtleGamma = 10   // γ
	turtleInner = 10   // M
	turtleRate  = 1e-3 // of both optimisers
)

// learnTurtle trains with the published settings: γ = 10, M = 10 inner steps from a fresh classifier, Adam at 1e-3 inside and out, batches of
// 10,000, 6,000 iterations (here: epochs of one step each).
func learnTurtle(ctx context.Context, t *training) (*learned, error) {
	n, k, d := min(t.features.Len(), t.config.Batch), t.config.Clusters, t.features.Dim()
	u := &turtle{
		training: t, n: n, k: k, d: d,
		direction: make([]float32, k*d), scale: make([]float32, k),
		labels: make([]float32, n*k), dLabels: make([]float32, n*k), q: make([]float32, n*k),
		dWeight: make([]float32, k*d), dBias: make([]float32, k), dDirection: make([]float32, k*d), dScale: make([]float32, k),
	}
	u.task = newLinear(k, d, rand.New(rand.NewPCG(t.config.Seed, 0x747572746c65)))
	copy(u.direction, u.task.Weight)
	for c := range k {
		u.scale[c] = float32(math.Sqrt(float64(kernel.SquaredNorm(u.direction[c*d : (c+1)*d]))))
	}
	x, rows := make([]float32, n*d), make([]int32, n)
	found := &learned{}
	for iteration := range t.config.Epochs {
		r := rand.New(rand.NewPCG(t.config.Seed, 0x6261746368<<20|uint64(iteration)))
		for e := range rows {
			rows[e] = int32(r.IntN(t.features.Len()))
		}
		if n == t.features.Len() {
			for e := range rows {
				rows[e] = int32(e)
			}
		}
		if err := t.features.Gather(x, rows); err != nil {
			return nil, err
		}
		var err error
		if found.loss, err = u.step(ctx, x, r); err != nil {
			return nil, err
		}
		if every := max(1, t.config.Epochs/100); (iteration+1)%every == 0 {
			line := t.told(iteration, found.loss, turtleRate)
			found.history = append(found.history, line)
		}
	}
	found.head = u.task
	return found, nil
}

// step is one outer iteration on n rows x. It returns the loss before its step.
func (u *turtle) step(ctx context.Context, x []float32, r *rand.Rand) (float64, error) {
	workers := u.options.Workers
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
	if err := u.task.backward(ctx, u.dWeight, u.dBias, u.dLabels, x, u.n, workers); err != nil {
		return 0, err
	}
	icon.ThroughWeightNorm(u.dDirection, u.dScale, u.dWeight, u.direction, u.scale, u.k, u.d)
	u.outer.Step([][]float32{u.direction, u.scale, u.task.Bias}, [][]float32{u.dDirection, u.dScale, u.dBias}, turtleRate)
	icon.WeightNorm(u.task.Weight, u.direction, u.scale, u.k, u.d)
	return value, nil
}

// classifier trains a fresh one on the labels: ∂/∂logits of the cross-entropy is (q − τ)/n.
func (u *turtle) classifier(ctx context.Context, x []float32, r *rand.Rand) error {
	u.inner = newLinear(u.k, u.d, r)
	var adam optim.Adam[float32]
	for range turtleInner {
		if err := u.inner.Logits(ctx, u.q, x, u.n, u.options.Workers); err != nil {
			return err
		}
		err := parallel.Blocks(ctx, u.options.Workers, u.n, 256, func(_, lo, hi int) error {
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
		if err := u.inner.backward(ctx, u.dWeight, u.dBias, u.q, x, u.n, u.options.Workers); err != nil {
			return err
		}
		adam.Step(u.inner.parameters(), [][]float32{u.dWeight, u.dBias}, turtleRate)
	}
	return nil
}

// turtleLoss writes ∂L/∂τ and returns L.
func turtleLoss(ctx context.Context, d, labels, q []float32, n, k int, gamma float64, workers int) (float64, error) {
	value := 0.0
	slope := make([]float32, k)
	for c, s := range columnSums(labels, n, k) {
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
