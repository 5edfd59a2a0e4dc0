package head

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"iconic/head/cluster"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/novelty"
	"iconic/head/optim"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/internal/sparse"
)

// Options are what does not show in the result of a training: how it is watched, and what it need not compute again.
type Options struct {
	Workers int // goroutines; all processors when < 1
	// Graph, when set, is used in place of a search. Its rows must be those of the features under the same Metric and
	// Standardize, with at least Neighbours each.
	Graph *knn.Graph
	// Cache is a folder in which neighbour graphs are kept for the next training on the same features; "": they are not.
	Cache string
	// GraphProgress is told how much of the neighbour search is done, Progress of the steps and the last loss.
	GraphProgress func(done, total int)
	Progress      func(step, steps int, loss float64)
	// Epoch, when set, is called after every epoch with its line of history and a state from which the training can go on;
	// the state is only lent. An error stops the training.
	Epoch func(Epoch, *State) error
	// Resume goes on from a state, given that features and settings are the same.
	Resume *State

	// For methods that want them, see ValidateInputs. Rows are those of the features.
	Labels []int       // of every row
	Views  []Features  // augmented views of the images
	Second Features    // another set of features of the same images
	Edges  []icon.Edge // of a graph of the images
}

// Epoch is a line of history.jsonl.
type Epoch struct {
	Epoch        int     `json:"epoch"` // from 1
	Step         int     `json:"step"`  // steps taken so far
	Loss         float64 `json:"loss"`  // mean over the epoch's steps, of the best head, in nats
	LearningRate float64 `json:"learning_rate"`
	ClustersUsed int     `json:"clusters_used"` // by the anchors of the epoch's last batch
	LargestShare float64 `json:"largest_share"` // of those anchors in one cluster
}

// Result is a finished training.
type Result struct {
	Head    *Linear // for features as they are: scaling is folded in
	Config  Config  // as used, rules resolved
	Loss    float64 // of the last epoch
	History []Epoch
	Graph   *knn.Graph
	// Representation is what a method that learns one made of every row, n×Dimensions; nil for the clustering methods.
	Representation []float32
	Dimensions     int
	Novelty        *novelty.Detector // tells images that are like none of these
	Notes          []string          // what a user would want to know
	Warnings       []string          // what should not be missed: dead clusters, collapse
}

// State is a training between two epochs.
type State struct {
	Epoch   int        // epochs done, over all rounds
	History []Epoch    // a line for each of them
	Weights *Linear    // the head whose assignments weight the edges of p in this round; nil in the first
	Heads   []*Trainee // in the order of their starts
}

// Trainee is one of the heads that learn from the same batches.
type Trainee struct {
	Linear  *Linear
	Average *Linear // moving average of the weights; nil without EMA
	Adam    optim.Adam[float32]
	Loss    float64 // mean over the last epoch
}

// Train learns a head from features, without labels. It fails, before any training, on settings out of range and on features
// that are not finite (naming the row) or all the same; and with ctx's error when ctx ends.
func Train(ctx context.Context, f Features, c Config, o Options) (*Result, error) {
	if err := c.Validate(f.Len()); err != nil {
		return nil, err
	}
	if err := c.ValidateInputs(f.Len(), o); err != nil {
		return nil, err
	}
	method, err := MethodOf(c.Method)
	if err != nil {
		return nil, err
	}
	c, notes := c.Resolve(f.Len())
	t, err := prepare(ctx, f, c, o)
	if err != nil {
		return nil, err
	}
	if t.graph, err = t.neighbours(ctx); err != nil {
		return nil, err
	}
	notes = append(notes, t.notes...)
	if t.graph.Recall < 1 {
		notes = append(notes, fmt.Sprintf("neighbours were searched in lists and %.1f %% of the true ones found, measured on a sample; --neighbour-search exact compares everything", 100*t.graph.Recall))
	}
	var r *Result
	if method.learn != nil {
		r, err = t.learnOtherwise(ctx, method)
	} else if err = t.run(ctx); err == nil {
		r = t.result()
	}
	if err != nil {
		return nil, err
	}
	if r.Notes = notes; t.verdict != "" {
		r.Notes = append(r.Notes, t.verdict)
	}
	r.Novelty, err = novelty.Fit(ctx, f, novelty.Options{Seed: c.Seed, Workers: o.Workers})
	return r, err
}

// Neighbours computes the graph that a training under c computes, for the Options.Graph of trainings that share it: those
// on the same features with the same Metric and Standardize and no more Neighbours.
func Neighbours(ctx context.Context, f Features, c Config, o Options) (*knn.Graph, error) {
	if err := c.Validate(f.Len()); err != nil {
		return nil, err
	}
	c, _ = c.Resolve(f.Len())
	t, err := prepare(ctx, f, c, o)
	if err != nil {
		return nil, err
	}
	return t.neighbours(ctx)
}

// prepare checks the features and scales them as c says.
func prepare(ctx context.Context, f Features, c Config, o Options) (*training, error) {
	mean, variance, err := moments(ctx, f, o.Workers)
	if err != nil {
		return nil, err
	}
	t := &training{config: c, options: o, features: f}
	if c.Standardize {
		t.scaled = standardize(f, mean, variance)
		t.features = t.scaled
	}
	return t, nil
}

// training is the state of one Train call.
type training struct {
	config   Config
	options  Options
	features Features // as the head sees them
	scaled   *standardized
	graph    *knn.Graph
	state    *State
	voted    *Linear // the head that learnt what all say; nil without Consensus
	notes    []string
	verdict  string // on the vote of the heads; "" without one

	// Of a step:
	target         *sparse.Rows
	loss           gradient
	z, dz          []float32
	dWeight, dBias []float32
}

// neighbours gives the graph that p is made of.
func (t *training) neighbours(ctx context.Context) (*knn.Graph, error) {
	k := t.config.Neighbours
	if g := t.options.Graph; g != nil {
		if g.N != t.features.Len() || g.K < k {
			return nil, fmt.Errorf("neighbour graph of %d rows with %d neighbours does not fit %d rows with %d: leave it out to have it computed", g.N, g.K, t.features.Len(), k)
		}
		return g.Nearest(k), nil
	}
	o := knn.Options{K: k, Metric: t.config.Metric, Workers: t.options.Workers, Progress: t.options.GraphProgress}
	if t.options.Cache == "" {
		return t.config.Search.Find(ctx, t.features, o)
	}
	g, err := knn.Cached(ctx, filepath.Join(t.options.Cache, t.config.graphName()), t.config.Search, t.features, o)
	if g != nil && err != nil {
		t.notes = append(t.notes, fmt.Sprintf("the neighbour graph is not kept for next time: %v", err))
		err = nil
	}
	return g, err
}

// graphName is the file of the neighbour graph in a cache: one for each way to make it, so that they don't take turns there.
func (c Config) graphName() string {
	scale := "raw"
	if c.Standardize {
		scale = "standardized"
	}
	return fmt.Sprintf("%s-%s-%s-%d.knn", scale, c.Metric, c.Search, c.Neighbours)
}

// rounds of training: the first with all edges alike, then Refine more.
func (t *training) rounds() int { return 1 + t.config.Refine }

// epochs of a round.
func (t *training) epochs(round int) int {
	if round == 0 {
		return t.config.Epochs
	}
	return (t.config.Epochs + 1) / 2
}

// run takes the training from its state to the end.
func (t *training) run(ctx context.Context) error {
	if t.state = t.options.Resume; t.state == nil {
		t.state = t.start()
	}
	rows := 2 * t.config.anchors()
	t.target = partners(rows)
	d, err := divergence(t.config.Divergence)
	if err != nil {
		return err
	}
	if t.loss = &(cluster.Loss{Alpha: float32(t.config.Alpha), Beta: float32(t.config.Beta), Workers: t.options.Workers}); d != nil {
		t.loss = icon.Loss[float32]{Learned: icon.Cluster{}, Divergence: d, Alpha: t.config.Alpha, Beta: t.config.Beta, Workers: t.options.Workers}
	}
	t.z, t.dz = make([]float32, rows*t.config.Clusters), make([]float32, rows*t.config.Clusters)
	t.dWeight, t.dBias = make([]float32, t.config.Clusters*t.features.Dim()), make([]float32, t.config.Clusters)

	first := 0
	for round := range t.rounds() {
		last := first + t.epochs(round)
		if t.state.Epoch < last {
			if err := t.round(ctx, round, first); err != nil {
				return err
			}
		}
		first = last
	}
	if t.votes() {
		t.voted, err = t.consensus(ctx)
	}
	return err
}

// votes reports whether the heads are still to agree.
func (t *training) votes() bool { return t.config.Consensus && len(t.state.Heads) > 1 }

// chosen makes one head of all, whose assignments weight the edges of the next round.
func (t *training) chosen(ctx context.Context) error {
	best := t.best()
	next := &Trainee{Linear: best.Linear, Average: best.Average, Loss: best.Loss}
	if t.votes() {
		l, err := t.consensus(ctx)
		if err != nil {
			return err
		}
		if next.Linear = l; next.Average != nil {
			next.Average = l.clone()
		}
	}
	next.Adam.WeightDecay = t.config.WeightDecay
	t.state.Weights = next.deployed().clone()
	t.state.Heads = []*Trainee{next}
	return nil
}

// start draws the heads.
func (t *training) start() *State {
	s := &State{}
	for h := range t.config.Heads {
		r := rand.New(rand.NewPCG(t.config.Seed, 0x68656164<<16|uint64(h)))
		tr := &Trainee{Linear: newLinear(t.config.Clusters, t.features.Dim(), r), Adam: optim.Adam[float32]{WeightDecay: t.config.WeightDecay}}
		if t.config.EMA > 0 {
			tr.Average = tr.Linear.clone()
		}
		s.Heads = append(s.Heads, tr)
	}
	return s
}

// round trains from the state's epoch to the round's last one. first is the epoch at which the round began.
func (t *training) round(ctx context.Context, round, first int) error {
	if round > 0 && t.state.Epoch == first {
		if err := t.chosen(ctx); err != nil {
			return err
		}
	}
	s := t.sampler()
	if t.state.Weights != nil {
		var err error
		if s.cumulative, err = t.agreement(ctx, t.state.Weights); err != nil {
			return err
		}
	}
	perEpoch := t.config.stepsPerEpoch(t.graph.N)
	steps := perEpoch * t.epochs(round)
	group, ctx := errgroup.WithContext(ctx)
	loaded, free := make(chan []float32), make(chan []float32, 2)
	for range cap(free) {
		free <- make([]float32, 2*s.anchors*t.features.Dim())
	}
	from, to := t.state.Epoch, first+t.epochs(round)
	group.Go(func() error { return t.load(ctx, s, from, to, perEpoch, free, loaded) }) // ends with the last batch or ctx
	group.Go(func() error {
		for epoch := from; epoch < to; epoch++ {
			if err := t.epoch(ctx, round, epoch, (epoch-first)*perEpoch, perEpoch, steps, loaded, free); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// load gathers the features of the next batch while a step computes.
func (t *training) load(ctx context.Context, s *sampler, from, to, perEpoch int, free <-chan []float32, loaded chan<- []float32) error {
	rows := make([]int32, 0, 2*s.anchors)
	for epoch := from; epoch < to; epoch++ {
		order := s.order(epoch)
		for step := range perEpoch {
			var x []float32
			select {
			case x = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			rows = s.rows(rows, order, epoch, step)
			if err := t.sampled().Gather(x, rows); err != nil {
				return fmt.Errorf("features of a batch: %w", err)
			}
			select {
			case loaded <- x:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// epoch takes perEpoch steps, the first of them number start of the round's steps.
func (t *training) epoch(ctx context.Context, round, epoch, start, perEpoch, steps int, loaded <-chan []float32, free chan<- []float32) error {
	rate := t.config.LearningRate
	if round > 0 {
		rate /= 2
	}
	now := 0.0
	sums := make([]float64, len(t.state.Heads))
	var line Epoch
	for step := range perEpoch {
		var x []float32
		select {
		case x = <-loaded:
		case <-ctx.Done():
			return ctx.Err()
		}
		now = rate * t.config.Schedule.At(start+step, steps)
		for h, tr := range t.state.Heads {
			loss, err := t.step(ctx, tr, x, now)
			if err != nil {
				return fmt.Errorf("epoch %d: %w", epoch+1, err)
			}
			sums[h] += loss
		}
		if step == perEpoch-1 {
			line.ClustersUsed, line.LargestShare = usage(t.z, t.target.Len(), t.config.Clusters)
		}
		free <- x
		if t.options.Progress != nil {
			t.options.Progress(t.stepsBefore(round)+start+step+1, t.allSteps(), sums[0]/float64(step+1))
		}
	}
	for h, tr := range t.state.Heads {
		tr.Loss = sums[h] / float64(perEpoch)
	}
	t.state.Epoch = epoch + 1
	line.Epoch, line.Step, line.Loss, line.LearningRate = epoch+1, t.stepsBefore(round)+start+perEpoch, t.best().Loss, now
	t.state.History = append(t.state.History, line)
	if t.options.Epoch != nil {
		return t.options.Epoch(line, t.state)
	}
	return nil
}

func (t *training) stepsBefore(round int) int {
	epochs := 0
	for r := range round {
		epochs += t.epochs(r)
	}
	return epochs * t.config.stepsPerEpoch(t.graph.N)
}

func (t *training) allSteps() int { return t.stepsBefore(t.rounds()) }

// step takes one batch x through one head: logits, loss, gradients, Adam. It returns the loss before the step.
func (t *training) step(ctx context.Context, tr *Trainee, x []float32, rate float64) (float64, error) {
	rows, l := t.target.Len(), tr.Linear
	if err := l.Logits(ctx, t.z, x, rows, t.options.Workers); err != nil {
		return 0, err
	}
	loss, err := t.loss.Gradient(ctx, t.dz, t.z, rows, l.Clusters, t.target)
	if err != nil {
		return 0, err
	}
	if err := l.backward(ctx, t.dWeight, t.dBias, t.dz, x, rows, t.options.Workers); err != nil {
		return 0, err
	}
	tr.Adam.Step(l.parameters(), [][]float32{t.dWeight, t.dBias}, rate)
	if tr.Average != nil {
		optim.Average(tr.Average.parameters(), l.parameters(), t.config.EMA)
	}
	return loss, nil
}

// best is the head of least loss over the last epoch, ties to the first.
func (t *training) best() *Trainee {
	best := t.state.Heads[0]
	for _, tr := range t.state.Heads[1:] {
		if tr.Loss < best.Loss {
			best = tr
		}
	}
	return best
}

// deployed is the head to use: the average where there is one.
func (tr *Trainee) deployed() *Linear {
	if tr.Average != nil {
		return tr.Average
	}
	return tr.Linear
}

// usage counts the clusters that the anchors, every other row of z, are assigned to, and the share of the largest.
func usage(z []float32, rows, clusters int) (used int, largest float64) {
	count := make([]int, clusters)
	for i := 0; i < rows; i += 2 {
		at := 0
		row := z[i*clusters : (i+1)*clusters]
		for c, v := range row {
			if v > row[at] {
				at = c
			}
		}
		count[at]++
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
		if n > 0 {
			used++
		}
	}
	return used, float64(most) / float64((rows+1)/2)
}

// agreement gives each edge (i, j) of the graph the weight Σ_c φ_ic φ_jc, the chance that l puts both into one cluster, as
// running sums over the edges of i.
func (t *training) agreement(ctx context.Context, l *Linear) ([]float32, error) {
	const rows = 64
	n, k, d := t.graph.N, t.graph.K, t.features.Dim()
	sums := make([]float32, n*k)
	err := parallel.Blocks(ctx, t.options.Workers, n, rows, func(_, lo, hi int) error {
		own, x := make([]float32, (hi-lo)*l.Clusters), make([]float32, (hi-lo)*k*d)
		other := make([]float32, (hi-lo)*k*l.Clusters)
		if err := t.features.Block(x[:(hi-lo)*d], lo, hi); err != nil {
			return err
		}
		l.probabilities(own, x, hi-lo)
		if err := t.features.Gather(x, t.graph.Neighbours[lo*k:hi*k]); err != nil {
			return err
		}
		l.probabilities(other, x, (hi-lo)*k)
		for i := lo; i < hi; i++ {
			sum := float32(0)
			phi := own[(i-lo)*l.Clusters : (i-lo+1)*l.Clusters]
			for e := range k {
				at := ((i-lo)*k + e) * l.Clusters
				sum += max(1e-6, kernel.Dot(phi, other[at:at+l.Clusters])) // no edge is ever ruled out
				sums[i*k+e] = sum
			}
		}
		return nil
	})
	return sums, err
}

// result ends the training.
func (t *training) result() *Result {
	best := t.best()
	last := best.deployed()
	if t.voted != nil {
		last = t.voted
	}
	r := &Result{Head: last, Config: t.config, Loss: best.Loss, History: t.state.History, Graph: t.graph}
	if t.scaled != nil {
		r.Head = t.scaled.fold(r.Head)
	}
	if n := len(r.History); n > 0 {
		r.Warnings = health(r.History[n-1], t.config.Clusters, t.config.anchors())
	}
	return r
}

// health says what is wrong with the clusters of the last batch, and what to do about it.
func health(last Epoch, clusters, anchors int) []string {
	var warnings []string
	switch {
	case last.ClustersUsed <= 1:
		warnings = append(warnings, "all images fell into one cluster: raise --alpha, lower --lr, or look whether the features differ at all")
	case last.ClustersUsed < clusters && anchors >= 4*clusters:
		warnings = append(warnings, fmt.Sprintf("%d of %d clusters are unused in the last batch: ask for fewer --clusters, raise --alpha, or train several --heads", clusters-last.ClustersUsed, clusters))
	}
	if uniform := 1 / float64(clusters); last.ClustersUsed > 1 && last.LargestShare > max(5*uniform, 0.5) {
		warnings = append(warnings, fmt.Sprintf("one cluster holds %.0f %% of the last batch: raise --alpha or ask for more --clusters", 100*last.LargestShare))
	}
	return warnings
}

// probabilities writes softmax(x·Wᵀ + b) of n rows, on the calling goroutine.
func (l *Linear) probabilities(dst, x []float32, n int) {
	l.logits(dst, x, n)
	for i := range n {
		row := dst[i*l.Clusters : (i+1)*l.Clusters]
		kernel.Softmax(row, row)
	}
}

// logits writes x·Wᵀ + b of n rows, on the calling goroutine.
func (l *Linear) logits(dst, x []float32, n int) {
	for i := range n {
		copy(dst[i*l.Clusters:(i+1)*l.Clusters], l.Bias)
	}
	kernel.MulTransB(dst, l.Clusters, x, l.Dim, l.Weight, l.Dim, n, l.Dim, l.Clusters, true)
}

// Probabilities writes the cluster probabilities (n×Clusters) of features x (n×Dim).
func (l *Linear) Probabilities(dst, x []float32, n int) error {
	if n < 0 || len(x) < n*l.Dim || len(dst) < n*l.Clusters {
		return fmt.Errorf("probabilities: %d numbers of features and %d of results do not fit %d rows of %d and %d", len(x), len(dst), n, l.Dim, l.Clusters)
	}
	l.probabilities(dst, x, n)
	return nil
}
