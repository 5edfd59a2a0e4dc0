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
//	L = −1/n Σ_i w_i ln S_i,   S_i = Σ_c (s_ic t_ic)^β / π_c,   ∂L/∂s_ic = −w_i β s_ic^(β−1) t_ic^β / (n π_c S_i),
//
// and through s = softmax(z/T)
//
//	∂L/∂z_ic = w_i β (s_ic − (s_ic t_ic)^β / (π_c S_i)) / (n T).
//
// It adds share·∂L/∂z to dz and returns L; powers are sᵝ and tᵝ, inverse is 1/π, sharper is 1/T.
func temiLoss(dz []float32, student, teacher softened, weight, inverse []float32, n, k int, beta, sharper, share float32) float64 {
	value := 0.0
	terms := make([]float32, k)
	for i := range n {
		s, a, b := student.p[i*k:][:k], student.power[i*k:][:k], teacher.power[i*k:][:k]
		sum := float32(tiny)
		for c := range terms {
			terms[c] = a[c] * b[c] * inverse[c]
			sum += terms[c]
		}
		value -= float64(weight[i]) * math.Log(float64(sum)) / float64(n)
		slope := share * sharper * beta * weight[i] / float32(n)
		d := dz[i*k:][:k]
		kernel.AddScaled(d, slope, s)
		kernel.AddScaled(d, -slope/sum, terms)
	}
	return value
}

// softened is softmax(z/T) of n rows, and its power β.
type softened struct{ p, power []float32 }

func newSoftened(n, k int) softened { return softened{make([]float32, n*k), make([]float32, n*k)} }

// soften takes the logits that stand in s.p, and sharper is 1/T.
func (s softened) soften(k int, sharper, beta float32) {
	for lo := 0; lo < len(s.p); lo += k {
		row, power := s.p[lo:lo+k], s.power[lo:lo+k]
		kernel.Scale(row, sharper)
		shift := float32(kernel.LogSumExp(row))
		for c, v := range row {
			row[c], power[c] = v-shift, beta*(v-shift)
		}
		kernel.Exp(row, row)
		kernel.Exp(power, power)
	}
}

// pupil is one of TEMI's heads, with the scratch of its steps: it has a task of its own.
type pupil struct {
	student, teacher *Linear
	adam             optim.Adam[float32]
	mass             []float64 // running mean of the teacher's probabilities; nil before the first step
	taught, learnt   [2]softened
	agree            []float32 // of the teacher on each pair
	inverse          []float32 // 1/mass
	work             *pairWork
	loss             float64 // summed over the steps of an epoch
}

func newPupil(l *Linear, weightDecay float64, n int) *pupil {
	k := l.Clusters
	h := &pupil{
		student: l, teacher: l.clone(), adam: optim.Adam[float32]{WeightDecay: weightDecay},
		agree: make([]float32, n), inverse: make([]float32, k), work: newPairWork(n, k, l.Dim),
	}
	for side := range 2 {
		h.taught[side], h.learnt[side] = newSoftened(n, k), newSoftened(n, k)
	}
	return h
}

// temi are TEMI's settings.
type temi struct{ beta, sharper, massDecay, decay float32 }

// teach asks the teacher about both sides of n pairs.
func (h *pupil) teach(sides [2][]float32, n int, o temi) {
	k := h.teacher.Clusters
	now := make([]float64, k)
	for side, x := range sides {
		h.teacher.logits(h.taught[side].p, x, n)
		h.taught[side].soften(k, o.sharper, o.beta)
		for c, s := range columnSums(h.taught[side].p, n, k) {
			now[c] += s / float64(2*n)
		}
	}
	for i := range h.agree {
		h.agree[i] = kernel.Dot(h.taught[0].p[i*k:(i+1)*k], h.taught[1].p[i*k:(i+1)*k])
	}
	decay := float64(o.massDecay)
	if h.mass == nil {
		h.mass, decay = make([]float64, k), 0
	}
	for c := range now {
		h.mass[c] = decay*h.mass[c] + (1-decay)*now[c]
		h.inverse[c] = float32(1 / max(tiny, h.mass[c]))
	}
}

// learn takes the student a step, each side from what the teacher says of the other, and lets the teacher follow.
func (h *pupil) learn(ctx context.Context, sides [2][]float32, weight []float32, n int, rate float64, o temi) error {
	const share = 0.5 // of each way
	k := h.student.Clusters
	slopes := [2][]float32{h.work.dp, h.work.dOther}
	for side, x := range sides {
		h.student.logits(h.learnt[side].p, x, n)
		h.learnt[side].soften(k, o.sharper, o.beta)
		clear(slopes[side])
		h.loss += share * temiLoss(slopes[side], h.learnt[side], h.taught[1-side], weight, h.inverse, n, k, o.beta, o.sharper, share)
	}
	if err := h.work.backward(ctx, h.student, sides[0], sides[1], n, 1); err != nil {
		return err
	}
	h.adam.Step(h.student.parameters(), [][]float32{h.work.dWeight, h.work.dBias}, rate)
	optim.Average(h.teacher.parameters(), h.student.parameters(), float64(o.decay))
	return nil
}

// learnTEMI trains heads as students of their own moving averages, pairs being weighted by how much all teachers agree that they belong
// together, and keeps the head of least loss. Settings as published where they are: β = 0.6, temperature 0.1, teacher's decay 0.996,
// AdamW at 1e-4, batches of 512, 100 epochs, 50 neighbours, 16 heads; heads are linear here, as the others', and see directions, as the published
// ones do in their last layer.
func learnTEMI(ctx context.Context, t *training) (*learned, error) {
	k, d, n := t.config.Clusters, t.features.Dim(), t.config.anchors()
	sharper := float32(1 / t.config.Temperature)
	o := temi{beta: 0.6, sharper: sharper, massDecay: 0.9, decay: 0.996}
	heads := make([]*pupil, t.config.Heads)
	for h := range heads {
		l := newLinear(k, d, rand.New(rand.NewPCG(t.config.Seed, 0x74656d69<<16|uint64(h))))
		heads[h] = newPupil(l, t.config.WeightDecay, n)
	}
	each := func(work func(h *pupil) error) error {
		return parallel.Blocks(ctx, t.options.Workers, len(heads), 1, func(_, h, _ int) error { return work(heads[h]) })
	}
	weight := make([]float32, n)
	found := &learned{}
	steps, taken := t.config.stepsPerEpoch(t.features.Len()), 0
	var err error
	found.loss, found.history, err = t.batches(ctx, func(_ []int32, x []float32, rate float64) (float64, error) {
		kernel.NormalizeRows(x, d)
		one, other := halves(x, 2*n, d)
		sides := [2][]float32{one, other}
		if err := each(func(h *pupil) error { h.teach(sides, n, o); return nil }); err != nil {
			return 0, err
		}
		clear(weight)
		for _, h := range heads {
			kernel.AddScaled(weight, 1/float32(len(heads)), h.agree)
			if taken%steps == 0 {
				h.loss = 0
			}
		}
		taken++
		if err := each(func(h *pupil) error { return h.learn(ctx, sides, weight, n, rate, o) }); err != nil {
			return 0, err
		}
		best := math.Inf(1)
		for _, h := range heads {
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
	return t.onDirections(ctx, found)
}
