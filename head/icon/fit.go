package icon

import (
	"context"
	"fmt"

	"iconic/head/optim"
	"iconic/internal/kernel"
)

// ICon is a method: who should be neighbours, who are, and what makes the representations.
type ICon[T kernel.Float] struct {
	Supervisory *Rows
	Learned     Learned
	Mapper      Mapper[T]
	Divergence  Divergence // KL when nil
	Alpha, Beta float64
	Workers     int
	Told        func(step int, loss float64) // hears of every step; may be nil
}

// Fit trains the mapper on n points x (n×d; nil for an Embedding) with steps of Adam over the whole set, and returns the
// representations and the loss of every step.
func (m ICon[T]) Fit(ctx context.Context, x []T, n, steps int, rate float64, schedule optim.Schedule) (z []T, losses []float64, err error) {
	if m.Supervisory == nil || m.Mapper == nil {
		return nil, nil, fmt.Errorf("a method needs a supervisory distribution and a mapper")
	}
	loss := Loss[T]{Learned: m.Learned, Divergence: m.Divergence, Alpha: m.Alpha, Beta: m.Beta, Workers: m.Workers}
	var adam optim.Adam[T]
	for step := range steps {
		z = m.Mapper.Forward(x, n)
		dz := make([]T, len(z))
		value, err := loss.Gradient(ctx, dz, z, n, len(z)/n, m.Supervisory)
		if err != nil {
			return nil, nil, fmt.Errorf("step %d: %w", step+1, err)
		}
		losses = append(losses, value)
		if m.Told != nil {
			m.Told(step+1, value)
		}
		m.Mapper.Backward(dz)
		adam.Step(m.Mapper.Parameters(), m.Mapper.Gradients(), rate*schedule.At(step, steps))
	}
	return m.Mapper.Forward(x, n), losses, nil
}
