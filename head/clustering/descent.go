package clustering

import (
	"context"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/sampling"
	"iconic/head/train"
)

// descent is a phase in which heads are trained.
type descent struct {
	phase      string
	round      int // number of the refining round
	unrecorded bool
}

// descend trains heads.
func (r *Recipe) descend(ctx context.Context, d *method.Data, s *sampling.Sampler, o descent, trainees []*trainee) error {
	round := o.round
	rows, k := 2*r.Anchors(), d.Clusters
	t := &task{Sampler: s, data: d, target: sampling.Partners(rows), z: make([]float32, rows*k), dz: make([]float32, rows*k)}
	t.used, t.largest = make([]int, len(trainees)), make([]float64, len(trainees))
	t.loss = r.lossOf(d.Workers)
	if 0 < r.Sample && r.Sample < rows {
		t.sample, t.round = make([]int32, r.Sample), round
	}
	gradients := (&linear.Head{Weight: make([]float32, k*d.Features.Dim()), Bias: make([]float32, k)}).Parameters() // shared: the heads take turns
	for _, one := range trainees {
		l := &train.Learner[float32]{Parameters: one.head.Parameters(), Gradients: gradients, Optimiser: &optim.Adam[float32]{WeightDecay: r.Decay}, Decay: r.EMA}
		if one.average != nil {
			l.Average = one.average.Parameters()
		}
		t.heads, t.learners = append(t.heads, one.head), append(t.learners, l)
	}
	rate := r.LearningRate
	if round > 0 {
		rate /= 2
	}
	plan := train.Plan{Epochs: r.epochs(round), Steps: r.Steps(d.Features.Len()), Rate: rate, Schedule: r.At(), Unrecorded: o.unrecorded}
	if plan.Steps >= manySteps {
		plan.LeastGain = r.LeastGain
	}
	if err := train.Train(ctx, d.Run, o.phase, t, plan); err != nil {
		return err
	}
	for h, one := range trainees {
		one.loss = t.learners[h].Loss
	}
	return nil
}

// manySteps is the least number of steps in an epoch for its mean loss to be reliable; the mean over fewer batches is too noisy.
const manySteps = 100

// lossOf returns the engine's loss.
func (r *Recipe) lossOf(workers int) icon.Loss[float32] {
	return icon.Loss[float32]{Learned: icon.Cluster{}, Divergence: divergences[r.Divergence], Alpha: r.Alpha, Beta: r.Beta, Workers: workers, Buffers: &icon.Buffers{}}
}

// divergences by name, except KL, the engine's default.
var divergences = map[string]icon.Divergence{
	"reverse-kl": icon.ReverseKL{}, "jensen-shannon": icon.JensenShannon{}, "total-variation": icon.TotalVariation{}, "hellinger": icon.Hellinger{},
}

// task adapts a round to the training loop.
type task struct {
	*sampling.Sampler
	data     *method.Data
	heads    []*linear.Head
	learners []*train.Learner[float32]
	target   *icon.Rows
	loss     icon.Loss[float32]
	z, dz    []float32
	used     []int // clusters used in the last batch, per head
	largest  []float64
	sample   []int32 // sample of a step's rows, the same for all heads; nil: all
	round    int
}

// Learners implements train.Task.
func (t *task) Learners() []*train.Learner[float32] { return t.learners }

// Kept implements train.Task.
func (t *task) Kept() []train.Tensor { return nil }

// Usage implements train.Assigner.
func (t *task) Usage(h int) (int, float64) { return t.used[h], t.largest[h] }

// Gradient implements train.Task: it computes logits, loss and gradients.
func (t *task) Gradient(ctx context.Context, b *train.Batch, h int) (float64, error) {
	rows, l := t.target.Len(), t.heads[h]
	if err := l.Logits(ctx, t.z, b.X, rows, t.data.Workers); err != nil {
		return 0, err
	}
	if b.Last {
		t.used[h], t.largest[h] = linear.Usage(t.z, rows, l.Clusters, 2)
	}
	if t.sample != nil {
		t.draw(b, rows)
		t.loss.Sample = t.sample
	}
	loss, err := t.loss.Gradient(ctx, t.dz, t.z, rows, l.Clusters, t.target)
	if err != nil {
		return 0, err
	}
	g := t.learners[h].Gradients
	return loss, l.Backward(ctx, g[0], g[1], t.dz, b.X, rows, t.data.Workers)
}

// draw fills the sample of a step, in order and without replacement, from the seed and the step alone (Knuth, The Art of Computer
// Programming 3.4.2, algorithm S).
func (t *task) draw(b *train.Batch, rows int) {
	r := rand.New(rand.NewPCG(t.data.Seed, 0x73616d70<<32|uint64(t.round)<<24^uint64(b.Epoch)<<40^uint64(b.Step)))
	taken := 0
	for j := 0; taken < len(t.sample); j++ {
		if r.IntN(rows-j) < len(t.sample)-taken {
			t.sample[taken] = int32(j)
			taken++
		}
	}
}
