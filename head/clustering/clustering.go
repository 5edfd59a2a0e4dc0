package clustering

import (
	"context"
	"fmt"
	"math/rand/v2"

	"iconic/head/consensus"
	"iconic/head/ensemble"
	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/sampling"
	"iconic/head/train"
)

// Recipe is a method that clusters by the cluster kernel, with its settings.
type Recipe struct {
	method.Scaling
	method.Neighbourhood
	method.Pairs
	method.Batches
	method.Descent // 0 epochs: enough for MinSteps; a rate of 0: 0.72 over the number of steps, clipped to 1e-3 to 3e-3
	method.WeightDecay
	method.Shares

	MinSteps   int     // least number of steps if Epochs is 0
	MaxSteps   int     // and about the largest number, which takes precedence over the least number of epochs; 0: any number
	LeastGain  float64 // if the loss falls by less than this in an epoch of many steps, the remaining epochs at its rate are skipped; 0: never
	Divergence string
	// Sample is the number of rows of a batch, drawn for each step, over which the mean of ln q̃ under the uniform share of p is estimated
	// (package cluster); 0: exactly, over all rows.
	Sample int
	// EMA is the decay of the moving average of the weights, which is saved as the head; 0: no average.
	EMA float64
	// Heads are trained at once on the same batches, each from its own start. The one with the lowest loss over the last epoch is kept, or
	// with Consensus the vote of those with nearly the lowest loss, or with Distil a head that has learnt the vote.
	Heads     int
	Consensus bool
	Distil    bool
	// Refine is the number of further rounds, in which p is reweighted by the head's own assignments, edge (i, j) by Σ_c φ_ic φ_jc, and the
	// training continues for half its epochs at half its rate.
	Refine int

	kind  kind
	votes bool // heads of the method itself vote, or the one that is kept gets a confidence
	exact bool // the method itself uses a divergence whose loss cannot be sampled
}

// kind is the kind of supervisory distribution.
type kind int

const (
	neighbours kind = iota
	weightedNeighbours
	labels
)

// Near implements method.Grapher.
func (r *Recipe) Near() method.Neighbourhood { return r.Neighbourhood }

// trainee is one of the heads that learn from the same batches.
type trainee struct {
	head    *linear.Head
	average *linear.Head // nil without EMA
	loss    float64      // over the last epoch
}

// deployed returns the head to use: the average if there is one.
func (t *trainee) deployed() *linear.Head {
	if t.average != nil {
		return t.average
	}
	return t.head
}

// Learn implements method.Recipe.
func (r *Recipe) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	trainees := r.start(d)
	out := &method.Outcome{}
	var s *sampling.Sampler
	first := 0
	for round := range 1 + r.Refine {
		s = r.sampler(d)
		s.First = first
		if round > 0 {
			next, err := r.chosen(ctx, d, trainees, out, round)
			if err != nil {
				return nil, err
			}
			trainees = []*trainee{next}
			if s.Weights, err = agreement(ctx, d, next.deployed().Clone()); err != nil {
				return nil, err
			}
		}
		if err := r.round(ctx, d, s, round, trainees); err != nil {
			return nil, err
		}
		first += r.epochs(round)
	}
	err := r.final(ctx, d, trainees, out)
	out.Loss = trainees[best(trainees)].loss
	out.Distributions = func(ctx context.Context) (*method.Distributions, error) { return r.distributions(ctx, d, s, out.Vote) }
	return out, err
}

// distributions returns those of the last round, over all rows, while a step uses those of its batch.
func (r *Recipe) distributions(ctx context.Context, d *method.Data, s *sampling.Sampler, head *ensemble.Head) (*method.Distributions, error) {
	p, err := s.Rows()
	if err != nil {
		return nil, err
	}
	z, err := head.AllLogits(ctx, d.Features, d.Workers)
	return &method.Distributions{
		Supervisory: p, Alpha: r.Alpha, Learned: icon.Cluster{}, Z: z, Dim: head.Clusters, Beta: r.Beta, Candidates: method.RowCandidates,
		Note: "q is computed over all points; a training step computes it over those of its batch",
	}, err
}

// start initialises the heads.
func (r *Recipe) start(d *method.Data) []*trainee {
	var list []*trainee
	for h := range r.Heads {
		source := rand.New(rand.NewPCG(d.Seed, 0x68656164<<16|uint64(h)))
		t := &trainee{head: linear.New(d.Clusters, d.Features.Dim(), source)}
		if r.EMA > 0 {
			t.average = t.head.Clone()
		}
		list = append(list, t)
	}
	return list
}

// sampler returns the sampler of the recipe.
func (r *Recipe) sampler(d *method.Data) *sampling.Sampler {
	s := sampling.New(d, r.Pairs, r.Anchors())
	switch r.kind {
	case weightedNeighbours:
		s.Weights = running(Weights(d.Graph), d.Graph.K)
	case labels:
		s.Classes(d.Labels, d.Clusters)
	}
	return s
}

// best is the index of the trainee with the lowest loss, the first of equal ones.
func best(trainees []*trainee) int {
	losses := make([]float64, len(trainees))
	for h, t := range trainees {
		losses[h] = t.loss
	}
	return train.Best(losses)
}

// alone reports whether only the head with the lowest loss is kept.
func (r *Recipe) alone(trainees []*trainee) bool { return !r.Consensus || len(trainees) == 1 }

// candidates returns the heads that may vote, and their losses.
func candidates(trainees []*trainee) (heads []*linear.Head, losses []float64) {
	for _, t := range trainees {
		heads, losses = append(heads, t.deployed()), append(losses, t.loss)
	}
	return heads, losses
}

// final makes the head that is kept: the one with the lowest loss, the vote of those with nearly the lowest, a head that has learnt the vote, or one that
// was refined after a vote.
func (r *Recipe) final(ctx context.Context, d *method.Data, trainees []*trainee, out *method.Outcome) (err error) {
	if r.alone(trainees) {
		kept := trainees[best(trainees)].deployed()
		if r.Consensus && r.Heads > 1 {
			return out.Calibrate(ctx, d, kept)
		}
		out.Vote = ensemble.Of(kept)
		out.Notes = append(out.Notes, r.uncalibrated()...)
		return nil
	}
	heads, losses := candidates(trainees)
	which := consensus.Voters(losses)
	out.Choice = consensus.Said(which, len(heads))
	if r.Distil {
		l, err := consensus.Distil(ctx, d, "consensus", heads, losses)
		if err != nil {
			return err
		}
		out.Vote = ensemble.Of(l)
	} else if out.Vote, err = consensus.Vote(ctx, d, heads, losses); err != nil {
		return err
	}
	megabytes := func(heads int) float64 { return float64(4*heads*d.Clusters*(d.Features.Dim()+1)) / 1e6 }
	switch {
	case len(which) == 1:
		out.Findings = append(out.Findings, out.Choice)
		return out.Calibrate(ctx, d, heads[which[0]])
	case r.Distil:
		out.Choice += "; one linear head has learnt their vote, and is kept"
		out.Findings = append(out.Findings, out.Choice)
	default:
		out.Choice += "; all of these are kept"
		out.Findings = append(out.Findings, fmt.Sprintf("%s, with %.3g MB of weights; a single head that has learnt their vote has %.3g MB (setting distil)", out.Choice, megabytes(len(which)), megabytes(1)))
	}
	return nil
}

// uncalibrated says that the confidence of a head is as trained, if it is only because of the settings that no other head moderates it.
func (r *Recipe) uncalibrated() []string {
	const otherwise = "it is that of a vote, or, if one head is kept, set by its agreement with k-means on halves of the features"
	switch {
	case !r.votes:
		return nil
	case r.Heads == 1:
		return []string{"the confidence of a single head stays as trained, and its accuracy is not estimated; with more heads (setting heads) " + otherwise}
	}
	return []string{"the confidence of the head with the lowest loss stays as trained, and its accuracy is not estimated; with the setting consensus " + otherwise}
}

// chosen makes the one head with which the next round continues.
func (r *Recipe) chosen(ctx context.Context, d *method.Data, trainees []*trainee, out *method.Outcome, round int) (*trainee, error) {
	least := trainees[best(trainees)]
	if r.alone(trainees) {
		return &trainee{head: least.head, average: least.average, loss: least.loss}, nil
	}
	heads, losses := candidates(trainees)
	l, err := consensus.Distil(ctx, d, fmt.Sprintf("consensus before round %d", round+1), heads, losses)
	if err != nil {
		return nil, err
	}
	out.Findings = append(out.Findings, consensus.Said(consensus.Voters(losses), len(heads)))
	next := &trainee{head: l, loss: least.loss}
	if r.EMA > 0 {
		next.average = l.Clone()
	}
	return next, nil
}

// round trains from one weighting of the edges to the next.
func (r *Recipe) round(ctx context.Context, d *method.Data, s *sampling.Sampler, round int, trainees []*trainee) error {
	return r.descend(ctx, d, s, descent{fmt.Sprintf("round %d", round+1), round, false}, trainees)
}
