package clustering

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/consensus"
	"iconic/head/ensemble"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/sampling"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
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

// Settings implements method.Recipe.
func (r *Recipe) Settings() setting.List {
	graph, pairs := r.Neighbourhood.Settings(), r.Pairs.Settings()
	refine := setting.List{setting.Int("refine", &r.Refine, 0, 10, "number of further rounds, with edges weighted by the head's own assignments")}
	if r.kind == labels { // the neighbours are the rows with the same label, and no edges
		graph, pairs, refine = nil, setting.List{r.ViewSetting()}, nil
	}
	var sample setting.List
	if !r.exact {
		sample = setting.List{
			setting.Int("debias-sample", &r.Sample, 0, 0, "rows of a batch, drawn for each step, over which the uniform share is estimated; 0: exactly, over all rows").
				Unchanging("if alpha is 0 there is no uniform share to sample").WhenChosen(r.sampleChosen),
		}
	}
	return setting.Join(r.Shares.Settings(), sample, r.Scaling.Settings(), graph, pairs, refine, setting.List{
		setting.Bool("consensus", &r.Consensus, "let all heads with nearly the lowest loss vote, instead of keeping the one with the lowest loss").
			Unchanging("a single head cannot be combined, and heads whose losses differ much are not").WhenChosen(r.consensusChosen),
		setting.Bool("distil", &r.Distil, "keep one linear head that has learnt the vote of several, to save space, instead of all that vote").
			Unchanging("it applies only if heads vote").WhenChosen(r.distilChosen),
		setting.Choice("divergence", &r.Divergence, "divergence between the supervisory and the learned distribution", "kl", "reverse-kl", "jensen-shannon", "total-variation", "hellinger"),
	}, r.Batches.Settings(),
		r.Ruled("how often each image is an anchor; 0: enough for min-steps, and at least 60 times, or 30 with consensus", "learning rate of Adam; 0: 0.72 over the number of steps, clipped to 0.001 to 0.003"),
		setting.List{
			setting.Int("min-steps", &r.MinSteps, 0, 0, "least number of steps if epochs is 0").Unchanging("it applies only if epochs is 0 and it gives more epochs than the minimum").
				WhenChosen(r.ruled(&r.MinSteps)),
			setting.Int("max-steps", &r.MaxSteps, 0, 0, "approximate largest number of steps if epochs is 0: large sets get fewer epochs; 0: any number").
				Unchanging("it applies only if epochs is 0 and that gives more steps").WhenChosen(r.ruled(&r.MaxSteps)),
			setting.NotNegative("least-gain", &r.LeastGain, "skip the remaining epochs at a learning rate once the loss falls by less than this in an epoch, in nats; 0: never").
				Unchanging("it applies only to epochs of at least 100 steps; the mean loss of fewer is too noisy").WhenChosen(r.gainChosen),
		}, r.WeightDecay.Settings(), setting.List{
			EMASetting(&r.EMA, "decay of the moving average of the weights, which is saved as the head; 0: no average"),
			HeadsSetting(&r.Heads, "number of heads trained at once, each from its own start"),
		})
}

// sampleChosen, and the functions below, say why a value that the user has chosen has no effect.
func (r *Recipe) sampleChosen(int) (idle string, err error) {
	switch {
	case r.Sample == 0:
		return "", nil
	case divergences[r.Divergence] != nil:
		return "", r.unsampled()
	case r.Alpha == 0:
		return "alpha is 0, so there is no uniform share to sample", nil
	}
	return "", nil
}

// unsampled is the error for a sample of the uniform share under another divergence than KL.
func (r *Recipe) unsampled() error {
	return fmt.Errorf("debias-sample %d: the uniform share is sampled only for the divergence kl, not for %s: set debias-sample to 0", r.Sample, r.Divergence)
}

func (r *Recipe) consensusChosen(int) (idle string, err error) {
	if r.Consensus && r.Heads == 1 {
		return "heads is 1, and a single head cannot be combined", nil
	}
	return "", nil
}

func (r *Recipe) distilChosen(int) (idle string, err error) {
	switch {
	case !r.Distil:
		return "", nil
	case r.Heads == 1:
		return "heads is 1, and it applies only if heads vote", nil
	case !r.Consensus:
		return "consensus is false, and it applies only if heads vote", nil
	}
	return "", nil
}

func (r *Recipe) ruled(steps *int) func(int) (idle string, err error) {
	return func(int) (string, error) {
		if *steps == 0 || r.Epochs == 0 {
			return "", nil
		}
		return fmt.Sprintf("epochs is %d, and it applies only if epochs is 0", r.Epochs), nil
	}
}

func (r *Recipe) gainChosen(n int) (idle string, err error) {
	steps := r.Steps(n)
	if r.LeastGain == 0 || steps >= manySteps {
		return "", nil
	}
	return fmt.Sprintf("it applies only to epochs of at least %d steps, and one of %d images has %d", manySteps, n, steps), nil
}

// EMASetting returns the setting for the decay of a moving average.
func EMASetting(to *float64, meaning string) setting.Setting {
	s := setting.Number("ema", to, func(v float64) bool { return v >= 0 && v < 1 }, "a decay from 0, below 1", meaning)
	s.Kind = "decay"
	return s
}

// HeadsSetting returns the setting for the number of heads.
func HeadsSetting(to *int, meaning string) setting.Setting {
	return setting.Int("heads", to, 1, 64, meaning).Unchanging("the head with the lowest loss may be the same with fewer heads")
}

// Resolve implements method.Recipe.
func (r *Recipe) Resolve(n int) ([]string, error) {
	if err := r.Shares.Check(); err != nil {
		return nil, err
	}
	if r.Divergence == "reverse-kl" && r.Alpha == 0 {
		return nil, errors.New("divergence reverse-kl with alpha 0: KL(q‖p) is infinite wherever q has mass and p has none: set alpha above 0, such as to 0.1")
	}
	if r.Sample > 0 && r.Sample != defaultSample && divergences[r.Divergence] != nil {
		return nil, r.unsampled()
	}
	if r.kind == labels && r.Refine > 0 {
		return nil, fmt.Errorf("refine %d: the neighbours are the images with the same label, which a head does not weight: set refine to 0", r.Refine)
	}
	notes, err := r.Neighbourhood.Resolve(n)
	if err != nil {
		return nil, err
	}
	notes = append(notes, r.Batches.Resolve(n)...)
	if rows := 2 * r.Anchors(); r.Sample >= rows || divergences[r.Divergence] != nil {
		if r.Sample > 0 && r.Sample != defaultSample {
			notes = append(notes, fmt.Sprintf("debias-sample %d is not less than the %d rows of a batch: the uniform share is computed exactly", r.Sample, rows))
		}
		r.Sample = 0
	}
	perEpoch := r.Steps(n)
	if r.Epochs == 0 {
		least := 60
		if r.Consensus && r.Heads > 1 {
			least = 30
		}
		r.Epochs = max(least, (r.MinSteps+perEpoch-1)/perEpoch)
		if most := max(1, (r.MaxSteps+perEpoch-1)/perEpoch); r.MaxSteps > 0 && r.Epochs > most {
			r.Epochs = most
			notes = append(notes, fmt.Sprintf("%d epochs, %d steps: a set of this size needs no more (setting max-steps)", r.Epochs, r.Epochs*perEpoch))
		}
	}
	if r.LearningRate == 0 {
		r.LearningRate = min(3e-3, max(1e-3, 0.72/float64(r.Epochs*perEpoch)))
	}
	return notes, nil
}

// epochs is the number of epochs of a round: the first, or a refining one.
func (r *Recipe) epochs(round int) int {
	if round == 0 {
		return r.Epochs
	}
	return (r.Epochs + 1) / 2
}

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
	for round := range 1 + r.Refine {
		d.Run.Total += r.epochs(round) * r.Steps(d.Features.Len())
	}
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
		out.Findings = append(out.Findings, fmt.Sprintf("%s, %.3g MB of weights; one head that has learnt their vote has %.3g MB (setting distil)", out.Choice, megabytes(len(which)), megabytes(1)))
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
		return []string{"the confidence of one head is as trained, and no accuracy is expected of it; with more heads (setting heads) " + otherwise}
	}
	return []string{"the confidence of the head with the lowest loss is as trained, and no accuracy is expected of it; with the setting consensus " + otherwise}
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

// agreement gives each edge (i, j) of the graph the weight Σ_c φ_ic φ_jc, the probability that l puts both into one cluster, as running
// sums over the edges of i.
func agreement(ctx context.Context, d *method.Data, l *linear.Head) ([]float32, error) {
	const rows = 64
	n, k, dim := d.Graph.N, d.Graph.K, d.Features.Dim()
	sums := make([]float32, n*k)
	err := parallel.Blocks(ctx, d.Workers, n, rows, func(_, lo, hi int) error {
		own, x := make([]float32, (hi-lo)*l.Clusters), make([]float32, (hi-lo)*k*dim)
		other := make([]float32, (hi-lo)*k*l.Clusters)
		if err := d.Features.Block(x[:(hi-lo)*dim], lo, hi); err != nil {
			return err
		}
		l.Assignments(own, x, hi-lo)
		if err := d.Features.Gather(x, d.Graph.Neighbours[lo*k:hi*k]); err != nil {
			return err
		}
		l.Assignments(other, x, (hi-lo)*k)
		for i := lo; i < hi; i++ {
			sum := float32(0)
			phi := own[(i-lo)*l.Clusters : (i-lo+1)*l.Clusters]
			for e := range k {
				at := ((i-lo)*k + e) * l.Clusters
				sum += max(1e-6, kernel.Dot(phi, other[at:at+l.Clusters])) // never exclude an edge
				sums[i*k+e] = sum
			}
		}
		return nil
	})
	return sums, err
}

// Weights returns the weights exp(−d²_ij/(d_i d_j)) of a graph's edges, where d_i is the distance to i's last neighbour (self-tuning:
// Zelnik-Manor and Perona 2004).
func Weights(g *knn.Graph) []float32 {
	last := func(i int32) float64 { return max(1e-12, float64(g.Distances[(int(i)+1)*g.K-1])) }
	w := make([]float32, len(g.Neighbours))
	for i := range g.N {
		for e, j := range g.Row(i) {
			d := float64(g.Distances[i*g.K+e])
			w[i*g.K+e] = float32(math.Exp(-d * d / (last(int32(i)) * last(j))))
		}
	}
	return w
}

// running turns weights of the K edges of each row into running sums.
func running(w []float32, k int) []float32 {
	for i := 0; i < len(w); i += k {
		for e := 1; e < k; e++ {
			w[i+e] += w[i+e-1]
		}
	}
	return w
}
