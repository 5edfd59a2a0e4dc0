package head

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/optim"
	"iconic/internal/kernel"
	"iconic/internal/sparse"
)

// batches trains whatever step does on batches of anchors and partners (interleaved rows, and their features), for the epochs and
// at the rates of the settings.
func (t *training) batches(ctx context.Context, step func(rows []int32, x []float32, rate float64) (float64, error)) (loss float64, history []Epoch, err error) {
	s := t.sampler()
	f := t.sampled()
	x := make([]float32, 2*s.anchors*f.Dim())
	var rows []int32
	steps := t.config.stepsPerEpoch(t.features.Len())
	for epoch := range t.config.Epochs {
		order := s.order(epoch)
		loss = 0
		rate := 0.0
		for k := range steps {
			if err := ctx.Err(); err != nil {
				return 0, nil, err
			}
			rows = s.rows(rows, order, epoch, k)
			if err := f.Gather(x, rows); err != nil {
				return 0, nil, err
			}
			rate = t.config.LearningRate * t.config.Schedule.At(epoch*steps+k, t.config.Epochs*steps)
			value, err := step(rows, x, rate)
			if err != nil {
				return 0, nil, err
			}
			loss += value / float64(steps)
		}
		history = append(history, t.told(epoch, loss, rate))
	}
	return loss, history, nil
}

// mapper is the linear map or the perceptron of the settings.
func (t *training) mapper(in int, what uint64) (icon.Mapper[float32], error) {
	r := rand.New(rand.NewPCG(t.config.Seed, 0x6d6170<<16|what))
	if t.config.Hidden == 0 {
		return icon.NewLinear[float32](in, t.config.Dimensions, r), nil
	}
	m, err := icon.NewMLP[float32]([]int{in, t.config.Hidden, t.config.Dimensions}, r)
	if err == nil && t.config.WeightNorm {
		m = m.WeightNormalized()
	}
	return m, err
}

// represent maps every row.
func represent(ctx context.Context, f Features, m icon.Mapper[float32], dimensions int) ([]float32, error) {
	const rows = 1024
	n, d := f.Len(), f.Dim()
	z, x := make([]float32, 0, n*dimensions), make([]float32, rows*d)
	for lo := 0; lo < n; lo += rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(n, lo+rows)
		if err := f.Block(x[:(hi-lo)*d], lo, hi); err != nil {
			return nil, err
		}
		z = append(z, m.Forward(x[:(hi-lo)*d], hi-lo)...)
	}
	return z, nil
}

// Losses of a batch's representations.
func cosineLoss(t *training) gradient {
	return icon.Loss[float32]{Learned: icon.Cosine{Temperature: t.config.Temperature}, Alpha: t.config.Alpha, Beta: t.config.Beta, Workers: t.options.Workers}
}

func studentLoss(t *training) gradient {
	return icon.Loss[float32]{Learned: icon.StudentT{Freedom: t.config.Freedom}, Alpha: t.config.Alpha, Beta: t.config.Beta, Workers: t.options.Workers}
}

func debiasedLoss(t *training) gradient {
	return icon.DCL[float32]{Temperature: t.config.Temperature, Positive: t.config.Positive, Workers: t.options.Workers}
}

func wideLoss(*training) gradient     { return icon.Wide[float32]{} }
func narrowLoss(t *training) gradient { return icon.Narrow[float32]{Workers: t.options.Workers} }

// target makes the supervisory distribution of a batch.
type target func(t *training, rows []int32, x []float32) (*sparse.Rows, error)

// batchPairs: each row's neighbour is its partner.
func batchPairs(_ *training, rows []int32, _ []float32) (*sparse.Rows, error) {
	return partners(len(rows)), nil
}

// batchLabels: those of the batch with the same label.
func batchLabels(t *training, rows []int32, _ []float32) (*sparse.Rows, error) {
	labels := make([]int, len(rows))
	for e, i := range rows {
		labels[e] = t.options.Labels[int(i)%t.features.Len()]
	}
	return icon.Labels(labels), nil
}

// batchSimilarity: everyone in the batch, by exp(cos(x_i, x_j)/τ) of their features (Sobal et al. 2025, with images for captions).
func batchSimilarity(t *training, rows []int32, x []float32) (*sparse.Rows, error) {
	n, d := len(rows), t.features.Dim()
	u := append([]float32(nil), x[:n*d]...)
	kernel.NormalizeRows(u, d)
	p := &sparse.Rows{Offset: make([]int, n+1), Column: make([]int32, 0, n*(n-1)), Weight: make([]float32, 0, n*(n-1))}
	row := make([]float32, n)
	for i := range n {
		kernel.MulTransB(row, n, u[i*d:], d, u, d, 1, d, n, false)
		kernel.Scale(row, float32(1/t.config.Temperature))
		row[i] = float32(math.Inf(-1))
		kernel.Softmax(row, row)
		for j, w := range row {
			if j != i {
				p.Column, p.Weight = append(p.Column, int32(j)), append(p.Weight, w)
			}
		}
		p.Offset[i+1] = len(p.Column)
	}
	return p, nil
}

// contrast trains one mapper by a loss over batches.
func contrast(loss func(*training) gradient, p target) func(context.Context, *training) (*learned, error) {
	return func(ctx context.Context, t *training) (*learned, error) {
		m, err := t.mapper(t.features.Dim(), 0)
		if err != nil {
			return nil, err
		}
		l := loss(t)
		adam := optim.Adam[float32]{WeightDecay: t.config.WeightDecay}
		found := &learned{dimensions: t.config.Dimensions}
		found.loss, found.history, err = t.batches(ctx, func(rows []int32, x []float32, rate float64) (float64, error) {
			supervisory, err := p(t, rows, x)
			if err != nil {
				return 0, err
			}
			z := m.Forward(x, len(rows))
			dz := make([]float32, len(z))
			value, err := l.Gradient(ctx, dz, z, len(rows), t.config.Dimensions, supervisory)
			if err != nil {
				return 0, err
			}
			m.Backward(dz)
			adam.Step(m.Parameters(), m.Gradients(), rate)
			return value, nil
		})
		if err != nil {
			return nil, err
		}
		found.z, err = represent(ctx, t.features, m, t.config.Dimensions)
		return found, err
	}
}

// halves parts a batch into its anchors and their partners.
func halves(x []float32, n, d int) (anchors, others []float32) {
	anchors, others = make([]float32, 0, n/2*d), make([]float32, 0, n/2*d)
	for i := 0; i < n; i += 2 {
		anchors = append(anchors, x[i*d:(i+1)*d]...)
		others = append(others, x[(i+1)*d:(i+2)*d]...)
	}
	return anchors, others
}

// learnMoCo compares anchors with their partners' keys, made by the mapper's moving average, and with the keys of batches before:
// a second set, in which each anchor's neighbour is its own key (He et al. 2020, eq. 1 and 2).
func learnMoCo(ctx context.Context, t *training) (*learned, error) {
	d, out := t.features.Dim(), t.config.Dimensions
	query, err := t.mapper(d, 0)
	if err != nil {
		return nil, err
	}
	key, err := t.mapper(d, 0) // the same start
	if err != nil {
		return nil, err
	}
	loss := icon.Loss[float32]{Learned: icon.Cosine{Temperature: t.config.Temperature}, Alpha: t.config.Alpha, Beta: t.config.Beta, Workers: t.options.Workers}
	var adam optim.Adam[float32]
	var bank []float32
	found := &learned{dimensions: out}
	found.loss, found.history, err = t.batches(ctx, func(rows []int32, x []float32, rate float64) (float64, error) {
		anchors, others := halves(x, len(rows), d)
		n := len(rows) / 2
		z, keys := query.Forward(anchors, n), key.Forward(others, n)
		w := append(append([]float32(nil), keys...), bank...)
		dz := make([]float32, len(z))
		p, err := icon.Prototypes(ascending(n), len(w)/out)
		if err != nil {
			return 0, err
		}
		value, err := loss.GradientBetween(ctx, dz, nil, z, w, n, len(w)/out, out, p)
		if err != nil {
			return 0, err
		}
		query.Backward(dz)
		adam.Step(query.Parameters(), query.Gradients(), rate)
		optim.Average(key.Parameters(), query.Parameters(), t.config.EMA)
		bank = append(append([]float32(nil), keys...), bank...)
		bank = bank[:min(len(bank), t.config.Bank*out)]
		return value, nil
	})
	if err != nil {
		return nil, err
	}
	found.z, err = represent(ctx, t.features, query, out)
	return found, err
}

func ascending(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}

// firstView and secondSet are the other side of a pair.
func firstView(t *training) Features { return t.options.Views[0] }
func secondSet(t *training) Features { return t.options.Second }

// learnPaired trains a mapper for each of two sets, so that pairs find each other among a batch, from either side (Radford et al. 2021,
// fig. 3). Anchors alone make the batch.
func learnPaired(other func(*training) Features) func(context.Context, *training) (*learned, error) {
	return func(ctx context.Context, t *training) (*learned, error) {
		f, out := other(t), t.config.Dimensions
		mean, variance, err := moments(ctx, f, t.options.Workers)
		if err != nil {
			return nil, err
		}
		f = standardize(f, mean, variance)
		one, err := t.mapper(t.features.Dim(), 1)
		if err != nil {
			return nil, err
		}
		two, err := t.mapper(f.Dim(), 2)
		if err != nil {
			return nil, err
		}
		loss := icon.Loss[float32]{Learned: icon.Cosine{Temperature: t.config.Temperature}, Alpha: t.config.Alpha, Beta: t.config.Beta, Workers: t.options.Workers}
		var adam optim.Adam[float32]
		found := &learned{dimensions: out}
		found.loss, found.history, err = t.batches(ctx, func(rows []int32, x []float32, rate float64) (float64, error) {
			n := len(rows) / 2
			anchors := make([]int32, n)
			for e := range anchors {
				anchors[e] = rows[2*e] % int32(t.features.Len())
			}
			a, b := make([]float32, n*t.features.Dim()), make([]float32, n*f.Dim())
			if err := t.features.Gather(a, anchors); err != nil {
				return 0, err
			}
			if err := f.Gather(b, anchors); err != nil {
				return 0, err
			}
			z, w := one.Forward(a, n), two.Forward(b, n)
			value, dz, dw, err := bothWays(ctx, loss, z, w, n, out)
			if err != nil {
				return 0, err
			}
			one.Backward(dz)
			two.Backward(dw)
			adam.Step(append(one.Parameters(), two.Parameters()...), append(one.Gradients(), two.Gradients()...), rate)
			return value, nil
		})
		if err != nil {
			return nil, err
		}
		found.z, err = represent(ctx, t.features, one, out)
		return found, err
	}
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

// learnHarmonic trains a linear map and a prototype a class, with probabilities ∝ d^−(ν+1), ν = 2·dimensions − 1 (Baek et al. 2025: their
// exponent n is the number of dimensions). A class is the nearest prototype's.
func learnHarmonic(ctx context.Context, t *training) (*learned, error) {
	k, out := t.config.Clusters, t.config.Dimensions
	m, err := t.mapper(t.features.Dim(), 0)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(t.config.Seed, 0x70726f746f))
	w := make([]float32, k*out)
	for e := range w {
		w[e] = float32(r.NormFloat64())
	}
	loss := icon.Loss[float32]{Learned: icon.Power{Exponent: 2 * float64(out)}, Workers: t.options.Workers}
	var adam optim.Adam[float32]
	found := &learned{dimensions: out}
	found.loss, found.history, err = t.batches(ctx, func(rows []int32, x []float32, rate float64) (float64, error) {
		labels := make([]int, len(rows))
		for e, i := range rows {
			labels[e] = t.options.Labels[int(i)%t.features.Len()]
		}
		p, err := icon.Prototypes(labels, k)
		if err != nil {
			return 0, err
		}
		z := m.Forward(x, len(rows))
		dz, dw := make([]float32, len(z)), make([]float32, len(w))
		value, err := loss.GradientBetween(ctx, dz, dw, z, w, len(rows), k, out, p)
		if err != nil {
			return 0, err
		}
		m.Backward(dz)
		adam.Step(append(m.Parameters(), w), append(m.Gradients(), dw), rate)
		return value, nil
	})
	if err != nil {
		return nil, err
	}
	if found.z, err = represent(ctx, t.features, m, out); err != nil {
		return nil, err
	}
	for i := range t.features.Len() {
		best, at := math.Inf(1), 0
		for c := range k {
			s := 0.0
			for e := range out {
				v := float64(found.z[i*out+e] - w[c*out+e])
				s += v * v
			}
			if s < best {
				best, at = s, c
			}
		}
		found.cluster = append(found.cluster, at)
	}
	return found, nil
}
