package regression

import (
	"context"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/train"
)

// Epochs, batch size and learning rate of the head that learns clusters.
const (
	Epochs = 30
	Batch  = 1024
	Rate   = 1e-2
)

// Clusters trains a head on the clusters of all rows, with the settings with which every method ends.
func Clusters(ctx context.Context, d *method.Data, phase string, classes []int, epochs int) (*linear.Head, error) {
	l, _, err := Train(ctx, d, phase, classes, Batch, 0, train.Plan{Epochs: epochs, Rate: Rate, Schedule: optim.Schedule{Kind: "cosine"}, Quiet: true})
	return l, err
}

// PerEpoch is the number of batches in n rows.
func PerEpoch(n, batch int) int { return n / min(n, batch) }

// Train learns classes (0 to d.Clusters−1, one per row) by AdamW: q is the softmax of the dot product of features, with a one appended for
// the bias, and a prototype for each class (I-Con table 1). It returns the head and its loss over the last epoch. It sets the steps per
// epoch itself.
func Train(ctx context.Context, d *method.Data, phase string, classes []int, batch int, decay float64, p train.Plan) (*linear.Head, float64, error) {
	n, dim, k := d.Features.Len(), d.Features.Dim(), d.Clusters
	batch = min(n, batch)
	p.Steps = PerEpoch(n, batch)
	t := &task{
		data: d, classes: classes, batch: batch, epoch: -1,
		loss: icon.Loss[float32]{Learned: icon.Dot{}, Workers: d.Workers},
		x:    make([]float32, batch*(dim+1)), dx: make([]float32, batch*(dim+1)), own: make([]int, batch),
	}
	t.learner = &train.Learner[float32]{
		Parameters: [][]float32{make([]float32, k*(dim+1))}, Gradients: [][]float32{make([]float32, k*(dim+1))},
		Optimiser: &optim.Adam[float32]{WeightDecay: decay},
	}
	if err := train.Train(ctx, d.Run, phase, t, p); err != nil {
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
	learner *train.Learner[float32]
	loss    icon.Loss[float32]
	x, dx   []float32 // features of a batch, with a one at the end of each row
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
	return t.loss.GradientBetween(ctx, t.dx, t.learner.Gradients[0], t.x, t.learner.Parameters[0], t.batch, k, d+1, p)
}
