package head

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/head/optim"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// The rivals: clusterings of cached features whose losses are not of the I-Con form, trained on the same features for comparison. Each ends in a
// linear head of its own. Their gradients by probabilities go through the softmax as
//
//	∂L/∂z_c = φ_c (∂L/∂φ_c − Σ_k φ_k ∂L/∂φ_k) / T,   φ = softmax(z/T).

// throughSoftmax turns slopes by probabilities p (n×k) into slopes by logits, in place; sharper is 1/T.
func throughSoftmax(dz, p []float32, n, k int, sharper float32) {
	for i := range n {
		d, row := dz[i*k:(i+1)*k], p[i*k:(i+1)*k]
		mean := kernel.Dot(d, row)
		for c, v := range row {
			d[c] = sharper * v * (d[c] - mean)
		}
	}
}

const tiny = 1e-8 // keeps logarithms finite

// columnSums adds rows up, in float64.
func columnSums(x []float32, n, k int) []float64 {
	sum := make([]float64, k)
	for i := range n {
		kernel.AddTo(sum, x[i*k:(i+1)*k])
	}
	return sum
}

// scanLoss is SCAN's (Van Gansbeke et al. 2020, eq. 2) of n pairs: p holds the probabilities of anchors, other those of their neighbours,
//
//	L = −1/n Σ_i ln⟨φ_i, φ'_i⟩ + λ Σ_c π_c ln π_c,   π = 1/n Σ_i φ_i,
//	∂L/∂φ_i = −φ'_i/(n⟨φ_i, φ'_i⟩) + λ (ln π + 1)/n,   ∂L/∂φ'_i = −φ_i/(n⟨φ_i, φ'_i⟩).
func scanLoss(dp, dOther, p, other []float32, n, k int, entropy float64) float64 {
	mass := columnSums(p, n, k)
	value := 0.0
	slope := make([]float32, k)
	for c, s := range mass {
		pi := max(tiny, s/float64(n))
		value += entropy * pi * math.Log(pi)
		slope[c] = float32(entropy * (math.Log(pi) + 1) / float64(n))
	}
	for i := range n {
		a, b := p[i*k:(i+1)*k], other[i*k:(i+1)*k]
		agree := max(tiny, float64(kernel.Dot(a, b)))
		value -= math.Log(agree) / float64(n)
		w := float32(-1 / (float64(n) * agree))
		for c := range k {
			dp[i*k+c], dOther[i*k+c] = slope[c]+w*b[c], w*a[c]
		}
	}
	return value
}

// learnSCAN trains heads by SCAN's semantic clustering, and keeps the one of least loss. What it leaves out: augmented images, which cached
// features have only as --views, and self-labelling, which fine-tunes the encoder. Settings are those of its published ImageNet
// configuration: SGD with momentum 0.9 at 5, batches of 1024, 100 epochs, 50 neighbours, entropy weight 5, 10 heads.
func learnSCAN(ctx context.Context, t *training) (*learned, error) {
	const entropy, momentum = 5, 0.9
	k, d := t.config.Clusters, t.features.Dim()
	heads := make([]*Linear, t.config.Heads)
	sgd := make([]optim.SGD[float32], len(heads))
	for h := range heads {
		heads[h] = newLinear(k, d, rand.New(rand.NewPCG(t.config.Seed, 0x7363616e<<16|uint64(h))))
		sgd[h].Momentum = momentum
	}
	sums := make([]float64, len(heads))
	n := t.config.anchors()
	w := newPairWork(n, k, d)
	found := &learned{}
	steps, taken := t.config.stepsPerEpoch(t.features.Len()), 0
	var err error
	found.loss, found.history, err = t.batches(ctx, func(_ []int32, x []float32, rate float64) (float64, error) {
		if taken%steps == 0 {
			clear(sums)
		}
		taken++
		kernel.NormalizeRows(x, d)
		x, other := halves(x, 2*n, d)
		for h, l := range heads {
			if err := w.probabilities(ctx, l, x, other, n, 1, t.options.Workers); err != nil {
				return 0, err
			}
			sums[h] += scanLoss(w.dp, w.dOther, w.p, w.other, n, k, entropy)
			throughSoftmax(w.dp, w.p, n, k, 1)
			throughSoftmax(w.dOther, w.other, n, k, 1)
			if err := w.backward(ctx, l, x, other, n, t.options.Workers); err != nil {
				return 0, err
			}
			sgd[h].Step(l.parameters(), [][]float32{w.dWeight, w.dBias}, rate)
		}
		return least(sums) / float64((taken-1)%steps+1), nil
	})
	if err != nil {
		return nil, err
	}
	found.head = heads[argLeast(sums)]
	return t.onDirections(ctx, found)
}

// onDirections ends a training on features of length 1: such a head is not linear in the features as they are, so a linear head learns its clusters.
func (t *training) onDirections(ctx context.Context, found *learned) (*learned, error) {
	l := found.head
	found.head, found.cluster = nil, make([]int, t.features.Len())
	const rows = 1024
	err := parallel.Blocks(ctx, t.options.Workers, t.features.Len(), rows, func(_, lo, hi int) error {
		x, z := make([]float32, (hi-lo)*l.Dim), make([]float32, (hi-lo)*l.Clusters)
		if err := t.features.Block(x, lo, hi); err != nil {
			return err
		}
		kernel.NormalizeRows(x, l.Dim)
		l.logits(z, x, hi-lo)
		for i := lo; i < hi; i++ {
			row := z[(i-lo)*l.Clusters : (i-lo+1)*l.Clusters]
			for c, v := range row {
				if v > row[found.cluster[i]] {
					found.cluster[i] = c
				}
			}
		}
		return nil
	})
	return found, err
}

func least(x []float64) float64 { return x[argLeast(x)] }

func argLeast(x []float64) int {
	at := 0
	for i, v := range x {
		if v < x[at] {
			at = i
		}
	}
	return at
}

// pairWork is the scratch of a step on n pairs.
type pairWork struct {
	p, other, dp, dOther           []float32 // n×k
	dWeight, dBias, second, biased []float32
}

func newPairWork(n, k, d int) *pairWork {
	rows := func() []float32 { return make([]float32, n*k) }
	return &pairWork{rows(), rows(), rows(), rows(), make([]float32, k*d), make([]float32, k), make([]float32, k*d), make([]float32, k)}
}

// probabilities of both sides of the pairs at a temperature 1/sharper.
func (w *pairWork) probabilities(ctx context.Context, l *Linear, x, other []float32, n int, sharper float32, workers int) error {
	for _, side := range []struct{ p, x []float32 }{{w.p, x}, {w.other, other}} {
		if err := l.Logits(ctx, side.p, side.x, n, workers); err != nil {
			return err
		}
		if err := softmaxRows(ctx, side.p, n, l.Clusters, sharper, workers); err != nil {
			return err
		}
	}
	return nil
}

func softmaxRows(ctx context.Context, p []float32, n, k int, sharper float32, workers int) error {
	return parallel.Blocks(ctx, workers, n, 256, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			row := p[i*k : (i+1)*k]
			if sharper != 1 {
				kernel.Scale(row, sharper)
			}
			kernel.Softmax(row, row)
		}
		return nil
	})
}

// backward adds the gradients of both sides up.
func (w *pairWork) backward(ctx context.Context, l *Linear, x, other []float32, n, workers int) error {
	if err := l.backward(ctx, w.dWeight, w.dBias, w.dp, x, n, workers); err != nil {
		return err
	}
	if err := l.backward(ctx, w.second, w.biased, w.dOther, other, n, workers); err != nil {
		return err
	}
	kernel.AddScaled(w.dWeight, 1, w.second)
	kernel.AddScaled(w.dBias, 1, w.biased)
	return nil
}

// temiLoss is TEMI's (Adaloglou et al. 2023, eq. 6 to 8) of n pairs and one head, one way: with the student's probabilities s of one side, the
// teacher's t of the other, π the running mean of the teacher's, and weights w,
//
//	L = −1/n Σ_i w_i ln S_i,   S_i = Σ_c (s_ic t_ic)^β / π_c,   ∂L/∂s_ic = −w_i β s_ic^(β−1) t_ic^β / (n π_c S_i).
//
// It adds to ds and returns the loss.
func temiLoss(ds, s, t, weight []float32, mass []float64, n, k int, beta float64) float64 {
	value := 0.0
	terms := make([]float64, k)
	for i := range n {
		sum := 0.0
		for c := range k {
			a, b := max(tiny, float64(s[i*k+c])), max(tiny, float64(t[i*k+c]))
			terms[c] = math.Pow(a*b, beta) / max(tiny, mass[c])
			sum += terms[c]
		}
		w := float64(weight[i]) / float64(n)
		value -= w * math.Log(sum)
		for c := range k {
			ds[i*k+c] -= float32(w * beta * terms[c] / (max(tiny, float64(s[i*k+c])) * sum))
		}
	}
	return value
}

// pupil is one of TEMI's heads.
type pupil struct {
	student, teacher *Linear
	adam             optim.Adam[float32]
	mass             []float64 // running mean of the teacher's probabilities; nil before the first step
	one, two         []float32 // the teacher's probabilities of both sides
	loss             float64   // summed over the steps of an epoch
}

// follow moves the running mean towards that of a batch.
func (h *pupil) follow(n, k int, decay float64) {
	now, other := columnSums(h.one, n, k), columnSums(h.two, n, k)
	if h.mass == nil {
		h.mass, decay = make([]float64, k), 0
	}
	for c := range now {
		h.mass[c] = decay*h.mass[c] + (1-decay)*(now[c]+other[c])/float64(2*n)
	}
}

// learnTEMI trains heads as students of their own moving averages, pairs being weighted by how much all teachers agree that they belong
// together, and keeps the head of least loss. Settings as published where they are: β = 0.6, temperature 0.1, teacher's decay 0.996,
// AdamW at 1e-4, batches of 512, 100 epochs, 50 neighbours, 16 heads; heads are linear here, as the others'.
func learnTEMI(ctx context.Context, t *training) (*learned, error) {
	const beta, decay, massDecay = 0.6, 0.996, 0.9
	k, d, n := t.config.Clusters, t.features.Dim(), t.config.anchors()
	sharper := float32(1 / t.config.Temperature)
	heads := make([]*pupil, t.config.Heads)
	for h := range heads {
		l := newLinear(k, d, rand.New(rand.NewPCG(t.config.Seed, 0x74656d69<<16|uint64(h))))
		heads[h] = &pupil{student: l, teacher: l.clone(), adam: optim.Adam[float32]{WeightDecay: t.config.WeightDecay}, one: make([]float32, n*k), two: make([]float32, n*k)}
	}
	w := newPairWork(n, k, d)
	weight := make([]float32, n)
	found := &learned{}
	steps, taken := t.config.stepsPerEpoch(t.features.Len()), 0
	var err error
	found.loss, found.history, err = t.batches(ctx, func(_ []int32, x []float32, rate float64) (float64, error) {
		x, other := halves(x, 2*n, d)
		clear(weight)
		for _, h := range heads {
			if taken%steps == 0 {
				h.loss = 0
			}
			if err := w.probabilities(ctx, h.teacher, x, other, n, sharper, t.options.Workers); err != nil {
				return 0, err
			}
			copy(h.one, w.p)
			copy(h.two, w.other)
			for i := range n {
				weight[i] += kernel.Dot(h.one[i*k:(i+1)*k], h.two[i*k:(i+1)*k]) / float32(len(heads))
			}
			h.follow(n, k, massDecay)
		}
		taken++
		best := math.Inf(1)
		for _, h := range heads {
			if err := w.probabilities(ctx, h.student, x, other, n, sharper, t.options.Workers); err != nil {
				return 0, err
			}
			clear(w.dp)
			clear(w.dOther)
			h.loss += (temiLoss(w.dp, w.p, h.two, weight, h.mass, n, k, beta) + temiLoss(w.dOther, w.other, h.one, weight, h.mass, n, k, beta)) / 2
			throughSoftmax(w.dp, w.p, n, k, sharper/2)
			throughSoftmax(w.dOther, w.other, n, k, sharper/2)
			if err := w.backward(ctx, h.student, x, other, n, t.options.Workers); err != nil {
				return 0, err
			}
			h.adam.Step(h.student.parameters(), [][]float32{w.dWeight, w.dBias}, rate)
			optim.Average(h.teacher.parameters(), h.student.parameters(), decay)
			best = min(best, h.loss)
		}
		return best / float64((taken-1)%steps+1), nil
	})
	if err != nil {
		return nil, err
	}
	best := heads[0]
	for _, h := range heads[1:] {
		if h.loss < best.loss {
			best = h
		}
	}
	found.head = best.teacher
	for e := range found.head.Weight {
		found.head.Weight[e] *= sharper
	}
	for c := range found.head.Bias {
		found.head.Bias[c] *= sharper
	}
	return found, nil
}
