package rival

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/head/clustering"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/sampling"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// throughSoftmax turns gradients by probabilities p (n×k) into gradients by logits, in place; sharper is 1/T.
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

// scanLoss is SCAN's loss (Van Gansbeke et al. 2020, eq. 2) of n pairs: p holds the probabilities of anchors, other those of their
// neighbours,
//
//	L = −1/n Σ_i ln⟨φ_i, φ'_i⟩ + λ Σ_c π_c ln π_c,   π = 1/n Σ_i φ_i,
//	∂L/∂φ_i = −φ'_i/(n⟨φ_i, φ'_i⟩) + λ (ln π + 1)/n,   ∂L/∂φ'_i = −φ_i/(n⟨φ_i, φ'_i⟩).
func scanLoss(dp, dOther, p, other []float32, n, k int, entropy float64) float64 {
	mass := linear.ColumnSums(p, n, k)
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

// pairs are the settings that SCAN and TEMI share.
type pairs struct {
	method.Scaling
	method.Neighbourhood
	method.Pairs
	method.Batches
	method.Descent
	Heads int
}

func (p *pairs) list() setting.List {
	return setting.Join(p.Scaling.Settings(), p.Neighbourhood.Settings(), p.Pairs.Settings(), p.Batches.Settings(),
		p.Descent.Settings("how often each image is an anchor"),
		setting.List{clustering.HeadsSetting(&p.Heads, "number of heads trained at once; the one with the lowest loss is kept")})
}

// Resolve implements method.Recipe.
func (p *pairs) Resolve(n int) ([]string, error) {
	notes, err := p.Neighbourhood.Resolve(n)
	return append(notes, p.Batches.Resolve(n)...), err
}

func (p *pairs) plan(n int) train.Plan {
	return train.Plan{Epochs: p.Epochs, Steps: p.Steps(n), Rate: p.LearningRate, Schedule: p.At()}
}

// Near implements method.Grapher.
func (p *pairs) Near() method.Neighbourhood { return p.Neighbourhood }

// SCAN is semantic clustering by adopting nearest neighbours. This implementation omits augmented images, which cached features have only
// as views, and self-labelling, which fine-tunes the encoder. Settings are those of the published ImageNet configuration: SGD with momentum
// 0.9 at 5, batches of 1024 pairs, 100 epochs, 50 neighbours, entropy weight 5, 10 heads; the head with the lowest loss is kept.
type SCAN struct{ pairs }

// Settings implements method.Recipe.
func (s *SCAN) Settings() setting.List { return s.list() }

// Learn implements method.Recipe.
func (s *SCAN) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	const momentum = 0.9
	n, k, dim := s.Anchors(), d.Clusters, d.Features.Dim()
	t := &scan{directions: directions{sampling.New(d, s.Pairs, n), dim}, data: d, n: n, work: newPairWork(n, k, dim)}
	for h := range s.Heads {
		l := linear.New(k, dim, rand.New(rand.NewPCG(d.Seed, 0x7363616e<<16|uint64(h))))
		t.heads = append(t.heads, l)
		t.learners = append(t.learners, &train.Learner[float32]{
			Parameters: l.Parameters(), Gradients: [][]float32{t.work.dWeight, t.work.dBias}, Optimiser: &optim.SGD[float32]{Momentum: momentum},
		})
	}
	if err := train.Train(ctx, d.Run, "heads", t, s.plan(d.Features.Len())); err != nil {
		return nil, err
	}
	best := least(t.learners)
	return onDirections(ctx, d, t.heads[best], t.learners[best].Loss)
}

// least is the index of the learner with the lowest loss.
func least(learners []*train.Learner[float32]) int {
	var losses []float64
	for _, l := range learners {
		losses = append(losses, l.Loss)
	}
	return train.Best(losses)
}

// directions proposes pairs of features scaled to length 1.
type directions struct {
	*sampling.Sampler
	dim int
}

// Propose implements train.Task.
func (s directions) Propose(b *train.Batch) error {
	err := s.Sampler.Propose(b)
	kernel.NormalizeRows(b.X, s.dim)
	return err
}

// scan is SCAN's training.
type scan struct {
	directions
	data     *method.Data
	n        int // pairs per batch
	heads    []*linear.Head
	learners []*train.Learner[float32]
	work     *pairWork
	x, other []float32
}

// Learners implements train.Task.
func (t *scan) Learners() []*train.Learner[float32] { return t.learners }

// Kept implements train.Task.
func (t *scan) Kept() []train.Tensor { return nil }

// Gradient implements train.Task.
func (t *scan) Gradient(ctx context.Context, b *train.Batch, h int) (float64, error) {
	const entropy = 5
	if h == 0 {
		t.x, t.other = sampling.Halves(b.X, 2*t.n, t.dim)
	}
	l, w, k := t.heads[h], t.work, t.data.Clusters
	if err := w.probabilities(ctx, l, t.x, t.other, t.n, 1, t.data.Workers); err != nil {
		return 0, err
	}
	value := scanLoss(w.dp, w.dOther, w.p, w.other, t.n, k, entropy)
	throughSoftmax(w.dp, w.p, t.n, k, 1)
	throughSoftmax(w.dOther, w.other, t.n, k, 1)
	return value, w.backward(ctx, l, t.x, t.other, t.n, t.data.Workers)
}

// onDirections ends a training on features of length 1: such a head is not linear in the unscaled features, so a linear head learns its
// clusters.
func onDirections(ctx context.Context, d *method.Data, l *linear.Head, loss float64) (*method.Outcome, error) {
	found := &method.Outcome{Cluster: make([]int, d.Features.Len()), Loss: loss}
	const rows = 1024
	err := parallel.Blocks(ctx, d.Workers, d.Features.Len(), rows, func(_, lo, hi int) error {
		x, z := make([]float32, (hi-lo)*l.Dim), make([]float32, (hi-lo)*l.Clusters)
		if err := d.Features.Block(x, lo, hi); err != nil {
			return err
		}
		kernel.NormalizeRows(x, l.Dim)
		l.Block(z, x, hi-lo)
		for i := lo; i < hi; i++ {
			found.Cluster[i] = linear.ArgMax(z[(i-lo)*l.Clusters : (i-lo+1)*l.Clusters])
		}
		return nil
	})
	return found, err
}

// pairWork is the working memory of a step on n pairs.
type pairWork struct {
	p, other, dp, dOther           []float32 // n×k
	dWeight, dBias, second, biased []float32
}

func newPairWork(n, k, d int) *pairWork {
	rows := func() []float32 { return make([]float32, n*k) }
	return &pairWork{rows(), rows(), rows(), rows(), make([]float32, k*d), make([]float32, k), make([]float32, k*d), make([]float32, k)}
}

// probabilities computes those of both sides of the pairs at a temperature 1/sharper.
func (w *pairWork) probabilities(ctx context.Context, l *linear.Head, x, other []float32, n int, sharper float32, workers int) error {
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

// backward adds the gradients of both sides.
func (w *pairWork) backward(ctx context.Context, l *linear.Head, x, other []float32, n, workers int) error {
	if err := l.Backward(ctx, w.dWeight, w.dBias, w.dp, x, n, workers); err != nil {
		return err
	}
	if err := l.Backward(ctx, w.second, w.biased, w.dOther, other, n, workers); err != nil {
		return err
	}
	kernel.AddScaled(w.dWeight, 1, w.second)
	kernel.AddScaled(w.dBias, 1, w.biased)
	return nil
}

// temiLoss is TEMI's loss (Adaloglou et al. 2023, eq. 6 to 8) of n pairs and one head in one direction: with the student's probabilities s
// of one side, the teacher's t of the other, π the running mean of the teacher's, and weights w,
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

// soften computes both from the logits in s.p; sharper is 1/T.
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

// pupil is one of TEMI's heads, with the working memory of its steps: it has its own clustering task.
type pupil struct {
	student, teacher *linear.Head
	learner          *train.Learner[float32]
	mass             []float64 // running mean of the teacher's probabilities; zeros before the first step
	taught, learnt   [2]softened
	agree            []float32 // agreement of the teacher on each pair
	inverse          []float32 // 1/mass
	work             *pairWork
	loss             float64 // loss of the step
}

func newPupil(l *linear.Head, weightDecay, decay float64, n int) *pupil {
	k := l.Clusters
	h := &pupil{
		student: l, teacher: l.Clone(), mass: make([]float64, k),
		agree: make([]float32, n), inverse: make([]float32, k), work: newPairWork(n, k, l.Dim),
	}
	h.learner = &train.Learner[float32]{
		Parameters: l.Parameters(), Gradients: [][]float32{h.work.dWeight, h.work.dBias}, Optimiser: &optim.Adam[float32]{WeightDecay: weightDecay},
		Average: h.teacher.Parameters(), Decay: decay,
	}
	for side := range 2 {
		h.taught[side], h.learnt[side] = newSoftened(n, k), newSoftened(n, k)
	}
	return h
}

// TEMI's settings as published, except for the temperature, which is a field of TEMI. Both decays are rounded to float32 where they are used, which the
// results of earlier versions depend on.
const (
	temiBeta       = 0.6
	temiMassDecay  = 0.9
	temiDecay      = 0.996 // decay of the teacher
	temiTeacherEMA = float64(float32(temiDecay))
)

// teach computes the teacher's assignments of both sides of n pairs.
func (h *pupil) teach(sides [2][]float32, n int, sharper float32, first bool) {
	k := h.teacher.Clusters
	now := make([]float64, k)
	for side, x := range sides {
		h.teacher.Block(h.taught[side].p, x, n)
		h.taught[side].soften(k, sharper, temiBeta)
		for c, s := range linear.ColumnSums(h.taught[side].p, n, k) {
			now[c] += s / float64(2*n)
		}
	}
	for i := range h.agree {
		h.agree[i] = kernel.Dot(h.taught[0].p[i*k:(i+1)*k], h.taught[1].p[i*k:(i+1)*k])
	}
	decay := float64(float32(temiMassDecay))
	if first {
		decay = 0
	}
	for c := range now {
		h.mass[c] = decay*h.mass[c] + (1-decay)*now[c]
		h.inverse[c] = float32(1 / max(tiny, h.mass[c]))
	}
}

// learn computes the student's gradient, each side from the teacher's assignments of the other.
func (h *pupil) learn(ctx context.Context, sides [2][]float32, weight []float32, n int, sharper float32) error {
	const share = 0.5 // share of each direction
	k := h.student.Clusters
	slopes := [2][]float32{h.work.dp, h.work.dOther}
	h.loss = 0
	for side, x := range sides {
		h.student.Block(h.learnt[side].p, x, n)
		h.learnt[side].soften(k, sharper, temiBeta)
		clear(slopes[side])
		h.loss += share * temiLoss(slopes[side], h.learnt[side], h.taught[1-side], weight, h.inverse, n, k, temiBeta, sharper, share)
	}
	return h.work.backward(ctx, h.student, sides[0], sides[1], n, 1)
}

// TEMI trains heads as students of their own moving averages, with pairs weighted by how strongly all teachers agree that they belong
// together, and keeps the head with the lowest loss. Settings are as published: β = 0.6, temperature 0.1, teacher's decay 0.996, AdamW at
// 1e-4, batches of 512, 100 epochs, 50 neighbours, 16 heads. Heads are linear here, as for the other methods, and see directions, as the
// published ones do in their last layer.
type TEMI struct {
	pairs
	method.WeightDecay
	Temperature float64
}

// Settings implements method.Recipe.
func (s *TEMI) Settings() setting.List {
	return setting.Join(s.list(), s.WeightDecay.Settings(), setting.List{setting.Positive("temperature", &s.Temperature, "temperature of the softmax of student and teacher")})
}

// Learn implements method.Recipe.
func (s *TEMI) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	k, dim, n := d.Clusters, d.Features.Dim(), s.Anchors()
	t := &temi{directions: directions{sampling.New(d, s.Pairs, n), dim}, data: d, n: n, sharper: float32(1 / s.Temperature), weight: make([]float32, n)}
	for h := range s.Heads {
		l := linear.New(k, dim, rand.New(rand.NewPCG(d.Seed, 0x74656d69<<16|uint64(h))))
		t.heads = append(t.heads, newPupil(l, s.Decay, temiTeacherEMA, n))
	}
	if err := train.Train(ctx, d.Run, "heads", t, s.plan(d.Features.Len())); err != nil {
		return nil, err
	}
	best := least(t.Learners())
	return onDirections(ctx, d, t.heads[best].teacher, t.heads[best].learner.Loss)
}

// temi is TEMI's training.
type temi struct {
	directions
	data    *method.Data
	n       int // pairs per batch
	sharper float32
	heads   []*pupil
	weight  []float32 // weight of each pair: the teachers' mean agreement
}

// Learners implements train.Task.
func (t *temi) Learners() []*train.Learner[float32] {
	var list []*train.Learner[float32]
	for _, h := range t.heads {
		list = append(list, h.learner)
	}
	return list
}

// Kept implements train.Task.
func (t *temi) Kept() []train.Tensor {
	var list []train.Tensor
	for _, h := range t.heads {
		list = append(list, train.Tensor{Name: "mass", Float64: h.mass})
	}
	return list
}

// Gradient implements train.Task. The call for the first head computes all heads at once.
func (t *temi) Gradient(ctx context.Context, b *train.Batch, h int) (float64, error) {
	if h > 0 {
		return t.heads[h].loss, nil
	}
	each := func(work func(h *pupil) error) error {
		return parallel.Blocks(ctx, t.data.Workers, len(t.heads), 1, func(_, h, _ int) error { return work(t.heads[h]) })
	}
	one, other := sampling.Halves(b.X, 2*t.n, t.dim)
	sides := [2][]float32{one, other}
	first := b.Epoch == 0 && b.Step == 0
	if err := each(func(h *pupil) error { h.teach(sides, t.n, t.sharper, first); return nil }); err != nil {
		return 0, err
	}
	clear(t.weight)
	for _, h := range t.heads {
		kernel.AddScaled(t.weight, 1/float32(len(t.heads)), h.agree)
	}
	err := each(func(h *pupil) error { return h.learn(ctx, sides, t.weight, t.n, t.sharper) })
	return t.heads[0].loss, err
}
