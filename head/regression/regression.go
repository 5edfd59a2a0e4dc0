package regression

import (
	"context"
	"fmt"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/train"
	"iconic/matrix"
)

// Epochs, batch size and learning rate of a head that learns clusters.
const (
	mostEpochs = 30
	Batch      = 1024
	Rate       = 1e-2
)

// Clusters trains a head on the clusters of all rows.
func Clusters(ctx context.Context, d *method.Data, phase string, classes []int, epochs int) (*linear.Head, error) {
	l, _, err := Train(ctx, d, phase, classes, clusters(epochs))
	return l, err
}

// LeastSteps is the number of steps after which a head has learned clusters that the features suggest; 600 made heads of small sets overconfident.
const LeastSteps = 200

// FaithfulSteps is the number of steps after which a head reproduces the clusters of a representation about as well as it can, which the features need not
// suggest: four times as many change the accuracy by at most 0.013 on four small sets, where 30 steps gave up to half of the clusters away. The confidence is
// set afterwards.
const FaithfulSteps = 1000

// Penalised trains a head on the clusters of all rows with an L2 penalty, by which it assigns other rows of the same kind more accurately. It is for
// clusters found in d.Features: others are reproduced less exactly than without a penalty.
func Penalised(ctx context.Context, d *method.Data, phase string, classes []int) (*linear.Head, error) {
	ridge, err := ridge(ctx, d)
	if err != nil {
		return nil, err
	}
	return penalised(ctx, d, phase, classes, ridge)
}

func penalised(ctx context.Context, d *method.Data, phase string, classes []int, ridge float64) (*linear.Head, error) {
	o := clusters(Epochs(d.Features.Len(), LeastSteps))
	o.Ridge = ridge
	l, _, err := Train(ctx, d, phase, classes, o)
	return l, err
}

// OutOfFold returns the logits (n×K) of all n ≥ 2 rows by heads that have not learned them, by five-fold cross-validation: a head with the
// same ρ as that of Penalised is trained on four fifths of the rows, drawn at random, for each fifth, in at least four fifths as many steps. A copy of a row may be among those learned. The heads are not
// part of d.Run: an interrupted training repeats them.
func OutOfFold(ctx context.Context, d *method.Data, classes []int) ([]float32, error) {
	n, k := d.Features.Len(), d.Clusters
	if n < 2 {
		return nil, fmt.Errorf("regression: cross-validation of %d rows: at least 2 are needed", n)
	}
	ridge, err := ridge(ctx, d)
	if err != nil {
		return nil, err
	}
	logits, order := make([]float32, n*k), rand.New(rand.NewPCG(d.Seed, 0x666f6c6473)).Perm(n)
	folds := min(5, n)
	for f := range folds {
		var learned, others []int32
		var own []int
		for at, i := range order {
			if at%folds == f {
				others = append(others, int32(i))
			} else {
				learned, own = append(learned, int32(i)), append(own, classes[i])
			}
		}
		part := *d
		part.Features, part.Run = &matrix.Subset{Features: d.Features, Rows: learned}, &train.Run{}
		l, err := penalised(ctx, &part, "fold", own, ridge)
		if err != nil {
			return nil, err
		}
		z, err := l.AllLogits(ctx, &matrix.Subset{Features: d.Features, Rows: others}, d.Workers)
		if err != nil {
			return nil, err
		}
		for e, i := range others {
			copy(logits[int(i)*k:], z[e*k:(e+1)*k])
		}
	}
	return logits, nil
}

func clusters(epochs int) Options {
	return Options{Batch: Batch, Plan: train.Plan{Epochs: epochs, Rate: Rate, Schedule: optim.Schedule{Kind: "cosine"}, Quiet: true}}
}

// Epochs is the number of epochs for a head that learns the clusters of n rows: more for a small set, so that there are about the given number of
// steps, and fewer for a large one.
func Epochs(n, steps int) int {
	const enough, least = 3000, 3 // steps, and epochs
	perEpoch := PerEpoch(n, Batch)
	return max(steps/perEpoch, min(mostEpochs, max(least, enough/perEpoch)))
}

// ridge is the strength of the penalty on a head that learns the clusters of d.Features: V/max(n, 500 K), where V is the total variance of the
// features, n the number of rows and K that of clusters.
//
// From 500 rows per cluster on, the loss of all rows with the penalty, n·(L + ρ/2·Σ|w|²) with n·ρ = V, is the negative log-posterior with the prior
// w_c ~ N(0, I/V) on every prototype: a logit of a typical row then has a variance of 1, whatever the scale of the features and whether each of
// them occurs once or twice. Fewer rows count as much as their clusters' shares of 500: a smaller set gets a weaker penalty in total than by the prior,
// but the same in its mean loss. docs/methods.md shows what the 500 is based on.
func ridge(ctx context.Context, d *method.Data) (float64, error) {
	const plenty = 500 // rows per cluster
	m, err := matrix.Measure(ctx, d.Features, d.Workers)
	if err != nil {
		return 0, err
	}
	return m.Total() / max(float64(d.Features.Len()), plenty*float64(d.Clusters)), nil
}

// PerEpoch is the number of batches in n rows.
func PerEpoch(n, batch int) int { return n / min(n, batch) }

// Options are the settings of a softmax regression.
type Options struct {
	Batch int        // rows per step; at most all rows
	Decay float64    // weight decay of AdamW, as a share of the learning rate; 0: plain Adam
	Ridge float64    // ρ ≥ 0 of the penalty ρ/2·Σ_c |w_c|² on the prototypes without their biases, in nats
	Plan  train.Plan // its Steps are set by Train
}

// Train learns classes (0 to d.Clusters−1, one per row): q is the softmax of the dot product of features, with a one appended for the bias,
// and a prototype for each class (I-Con table 1). It returns the head and its loss over the last epoch, penalty included.
func Train(ctx context.Context, d *method.Data, phase string, classes []int, o Options) (*linear.Head, float64, error) {
	n, dim, k := d.Features.Len(), d.Features.Dim(), d.Clusters
	batch := min(n, o.Batch)
	o.Plan.Steps = PerEpoch(n, batch)
	t := &task{
		data: d, classes: classes, batch: batch, epoch: -1, ridge: o.Ridge,
		loss: icon.Loss[float32]{Learned: icon.Dot{}, Workers: d.Workers},
		x:    make([]float32, batch*(dim+1)), own: make([]int, batch),
	}
	t.learner = &train.Learner[float32]{
		Parameters: [][]float32{make([]float32, k*(dim+1))}, Gradients: [][]float32{make([]float32, k*(dim+1))},
		Optimiser: &optim.Adam[float32]{WeightDecay: o.Decay},
	}
	if err := train.Train(ctx, d.Run, phase, t, o.Plan); err != nil {
		return nil, 0, err
	}
	w := t.learner.Parameters[0]
	l := &linear.Head{Clusters: k, Dim: dim, Weight: make([]float32, k*dim), Bias: make([]float32, k)}
	for c := range k {
		copy(l.Weight[c*dim:(c+1)*dim], w[c*(dim+1):])
		l.Bias[c] = w[c*(dim+1)+dim]
	}
	return l, t.learner.Loss, nil
}

// task is softmax regression.
type task struct {
	data    *method.Data
	classes []int
	batch   int
	ridge   float64
	learner *train.Learner[float32]
	loss    icon.Loss[float32]
	x       []float32 // features of a batch, with a one at the end of each row
	own     []int     // classes of its rows
	epoch   int       // epoch whose order is kept
	order   []int
}

// Learners implements train.Task.
func (t *task) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *task) Kept() []train.Tensor { return nil }

// Propose implements train.Task: rows in a new order every epoch.
func (t *task) Propose(b *train.Batch) error {
	if t.epoch != b.Epoch {
		t.epoch = b.Epoch
		t.order = rand.New(rand.NewPCG(t.data.Seed, 0x72656772<<16|uint64(b.Epoch))).Perm(t.data.Features.Len())
	}
	b.Rows = b.Rows[:0]
	for _, i := range t.order[b.Step*t.batch : (b.Step+1)*t.batch] {
		b.Rows = append(b.Rows, int32(i))
	}
	if b.X == nil {
		b.X = make([]float32, t.batch*t.data.Features.Dim())
	}
	return t.data.Features.Gather(b.X, b.Rows)
}

// Gradient implements train.Task.
func (t *task) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	d, k := t.data.Features.Dim(), t.data.Clusters
	for e, i := range b.Rows {
		t.own[e] = t.classes[i]
		copy(t.x[e*(d+1):], b.X[e*d:(e+1)*d])
		t.x[e*(d+1)+d] = 1
	}
	p, err := icon.Prototypes(t.own, k)
	if err != nil {
		return 0, err
	}
	w, g := t.learner.Parameters[0], t.learner.Gradients[0]
	loss, err := t.loss.GradientBetween(ctx, nil, g, t.x, w, t.batch, k, d+1, p)
	if err != nil || t.ridge == 0 {
		return loss, err
	}
	return loss + penalise(g, w, d, t.ridge), nil
}

// penalise returns ρ/2·Σ_c |w_c|², where w_c is the first d numbers of row c of w, whose last is the bias, and adds its gradient to g. As
// ∂/∂w_ce ρ/2·Σ w² = ρ·w_ce, each weight is added ρ times to its gradient; a bias has none.
func penalise(g, w []float32, d int, ridge float64) float64 {
	sum := 0.0
	for c := 0; c < len(w); c += d + 1 {
		for e, v := range w[c : c+d] {
			sum += float64(v) * float64(v)
			g[c+e] += float32(ridge) * v
		}
	}
	return ridge / 2 * sum
}
