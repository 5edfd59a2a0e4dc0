package clustering

import (
	"context"

	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/sampling"
)

// Refinement continues training heads that already know clusters, by the cluster kernel.
type Refinement struct {
	Phase   string    // name of the phase in the data's run
	Weights []float32 // weights of the edges of the data's graph, n×K, ≥ 0: p(j|i) is proportional to them
	Anchors int       // anchors per step, each with one neighbour; at most all rows
	Steps   int       // approximate number of steps, rounded to whole epochs
	Rate    float64   // learning rate of Adam, halved after each third
}

// recipe returns the recipe of the refinement for n rows.
func (r *Refinement) recipe(clusters, n int) *Recipe {
	own := Default(clusters)
	own.Alpha, own.Beta, own.LearningRate = 0, 0, r.Rate
	own.Sample, own.LeastGain = 0, 0 // no uniform share, and a fixed number of steps
	own.Batch = 2 * min(r.Anchors, n)
	own.Epochs = (r.Steps + own.Steps(n) - 1) / own.Steps(n)
	return own
}

// Refine continues training heads on d.Features, all on the same batches and without lines of history, and returns their losses over the
// last epoch, in nats, which are comparable on one graph. The loss is 1/n Σ_i KL(p_i ‖ q_i) without uniform shares, so its cost depends on
// the edges drawn and not on pairs of rows.
func Refine(ctx context.Context, d *method.Data, heads []*linear.Head, r Refinement) ([]float64, error) {
	own := r.recipe(d.Clusters, d.Features.Len())
	trainees := make([]*trainee, len(heads))
	for h, l := range heads {
		trainees[h] = &trainee{head: l}
	}
	s := sampling.New(d, own.Pairs, own.Anchors())
	s.Weights = running(append([]float32(nil), r.Weights...), d.Graph.K)
	if err := own.descend(ctx, d, s, descent{r.Phase, 0, true}, trainees); err != nil {
		return nil, err
	}
	losses := make([]float64, len(heads))
	for h, t := range trainees {
		losses[h] = t.loss
	}
	return losses, nil
}
