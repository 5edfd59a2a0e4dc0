package icon

import (
	"context"
	"errors"

	"iconic/head/optim"
	"iconic/head/train"
	"iconic/internal/kernel"
)

// ICon is a method: its supervisory distribution, its learned distribution, and its mapper.
type ICon[T kernel.Float] struct {
	Supervisory Supervisory
	Learned     Learned
	Mapper      Mapper[T]
	Divergence  Divergence // KL when nil
	Alpha, Beta float64
	Workers     int
}

// Fit trains the mapper on n points x (n×d; nil for an Embedding) with steps of Adam over the whole set, and returns the
// representations and the loss of every step.
func (m ICon[T]) Fit(ctx context.Context, x []T, n, steps int, rate float64, schedule optim.Schedule) (z []T, losses []float64, err error) {
	run := &train.Run{}
	z, _, err = m.Train(ctx, run, x, n, train.Plan{Epochs: steps, Steps: 1, Rate: rate, Schedule: schedule})
	for _, e := range run.History() {
		losses = append(losses, e.Loss)
	}
	return z, losses, err
}

// Train is Fit as a phase of a run, which can be observed, interrupted and resumed. It returns the representations and the last loss.
func (m ICon[T]) Train(ctx context.Context, run *train.Run, x []T, n int, plan train.Plan) (z []T, loss float64, err error) {
	if m.Supervisory == nil || m.Mapper == nil {
		return nil, 0, errors.New("a method needs a supervisory distribution and a mapper")
	}
	t := &whole[T]{
		method: m, x: x, n: n,
		loss:    Loss[T]{Learned: m.Learned, Divergence: m.Divergence, Alpha: m.Alpha, Beta: m.Beta, Workers: m.Workers},
		learner: &train.Learner[T]{Parameters: m.Mapper.Parameters(), Gradients: m.Mapper.Gradients(), Optimiser: &optim.Adam[T]{}},
	}
	if err := train.Train(ctx, run, "representation", t, plan); err != nil {
		return nil, 0, err
	}
	return m.Mapper.Forward(x, n), t.learner.Loss, nil
}

// whole is a method as a task whose every step sees all points.
type whole[T kernel.Float] struct {
	method  ICon[T]
	x       []T
	n       int
	loss    Loss[T]
	learner *train.Learner[T]
}

// Learners implements train.Task.
func (t *whole[T]) Learners() []*train.Learner[T] { return []*train.Learner[T]{t.learner} }

// Propose implements train.Task: the batch is always all points.
func (t *whole[T]) Propose(*train.Batch) error { return nil }

// Kept implements train.Task.
func (t *whole[T]) Kept() []train.Tensor { return nil }

// Gradient implements train.Task.
func (t *whole[T]) Gradient(ctx context.Context, _ *train.Batch, _ int) (float64, error) {
	z := t.method.Mapper.Forward(t.x, t.n)
	dz := make([]T, len(z))
	value, err := t.loss.Gradient(ctx, dz, z, t.n, len(z)/t.n, t.method.Supervisory)
	if err == nil {
		t.method.Mapper.Backward(dz)
	}
	return value, err
}
