package clustering

import (
	"context"

	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/sampling"
)

// Refinement is a training by the cluster kernel that goes on from heads which know clusters already.
type Refinement struct {
	Phase   string    // that its steps are, in the run of the data
	Weights []float32 // of the edges of the data's graph, n×K, ≥ 0: p(j|i) is proportional to them
	Anchors int       // of a step, each with one neighbour; all rows where these are fewer
	Steps   int       // about so many: whole epochs of them
	Rate    float64   // of Adam, halved after each third
}

// recipe is its own for n rows.
func (r *Refinement) recipe(clusters, n int) *Recipe {
	own := Default(clusters)
	own.Alpha, own.Beta, own.LearningRate = 0, 0, r.Rate
	own.Sample, own.LeastGain = 0, 0 // there is no uniform share, and its steps are counted
	own.Batch = 2 * min(r.Anchors, n)
	own.Epochs = (r.Steps + own.Steps(n) - 1) / own.Steps(n)
	return own
}

// Taken is how many steps it takes on n rows.
func (r *Refinement) Taken(n int) int {
	own := r.recipe(2, n)
	return own.Epochs * own.Steps(n)
}

// Refine trains heads over d.Features on, all on the same batches and without lines of history, and returns their losses over the last epoch, in nats: on one graph they can be
// compared. The loss is 1/n Σ_i KL(p_i ‖ q_i) without uniform shares, whose cost goes with the edges drawn and not with pairs of rows.
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
