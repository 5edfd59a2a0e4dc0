package represent

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/clustering"
	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/sampling"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/matrix"
)

// Contrast trains mappers by a loss over batches of anchors and their partners. Its loss and its p determine the other settings that it
// reads. In an epoch every row is an anchor once, and a partner as often as it is drawn as a neighbour, also where p does not come from neighbours
// (supcon, xsample, harmonic): there the loss weights a row by one plus that number. A batch of paired consists of anchors only.
type Contrast struct {
	method.Scaling
	method.Neighbourhood
	method.Pairs
	method.Batches
	method.Descent
	method.WeightDecay
	method.Shares

	Dimensions  int
	Hidden      int // width of the perceptron's hidden layer; 0: a linear map
	WeightNorm  bool
	Temperature float64
	Freedom     float64 // degrees of freedom of Student's t
	Positive    float64 // share of negatives that belong to a point's own class
	Bank        int     // representations kept as negatives
	EMA         float64 // decay of the moving average that computes keys

	reads reads
	task  func(ctx context.Context, c *Contrast, d *method.Data) (mapping, error)
}

// reads lists the settings that only some methods have, and how many candidates a step has.
type reads struct {
	graph, views, shares, mapper, temperature, freedom, positive, bank bool

	pairs      bool                  // a step stores all pairs of its batch
	candidates func(c *Contrast) int // the points with which a step compares each; nil: the classes, whatever the batch
}

// Candidates of a step: the others of a batch of anchors and partners, the keys of the partners and those in the bank, and, for two sets, the
// partners of all anchors.
func others(c *Contrast) int      { return 2*c.Anchors() - 1 }
func keysAndBank(c *Contrast) int { return c.Anchors() + c.Bank }
func partners(c *Contrast) int    { return c.Anchors() }

// mapping is a task whose first mapper computes the representation.
type mapping interface {
	train.Task[float32]
	mapper() icon.Mapper[float32]
	// distributions returns those of all rows, whose representations are z; nil for a loss that is not a divergence of two distributions.
	distributions(ctx context.Context, z []float32) (*method.Distributions, error)
}

// contrastive returns the recipe of the methods that train a mapper on batches: a perceptron with one hidden layer.
func contrastive(r reads, task func(context.Context, *Contrast, *method.Data) (mapping, error), change func(*Contrast)) func(int) method.Recipe {
	return func(int) method.Recipe {
		c := &Contrast{
			Scaling: method.Scaling{Standardize: true}, Neighbourhood: defaultNeighbours(), Batches: method.Batches{Batch: 1024},
			Descent:    method.Descent{Epochs: 20, LearningRate: 1e-3, Schedule: "step"},
			Dimensions: 64, Hidden: 256, reads: r, task: task,
		}
		change(c)
		return c
	}
}

// Near implements method.Grapher.
func (c *Contrast) Near() method.Neighbourhood { return c.Neighbourhood }

// Settings implements method.Recipe.
func (c *Contrast) Settings() setting.List {
	var list setting.List
	add := func(reads bool, more ...setting.Setting) {
		if reads {
			list = append(list, more...)
		}
	}
	add(c.reads.shares, c.Shares.Settings()...)
	add(true, c.Scaling.Settings()...)
	add(c.reads.graph, c.Neighbourhood.Settings()...)
	add(c.reads.views, c.Pairs.Settings()...)
	add(true, c.Batches.Settings()...)
	add(true, c.Descent.Settings("how often each image is an anchor")...)
	add(true, c.WeightDecay.Settings()...)
	add(c.reads.bank, clustering.EMASetting(&c.EMA, "decay of the moving average of the mapper, which computes the keys"))
	add(true, dimensionsSetting(&c.Dimensions))
	add(c.reads.mapper,
		setting.Int("hidden", &c.Hidden, 0, 1<<14, "width of the perceptron's hidden layer; 0: a linear map"),
		setting.Bool("weight-norm", &c.WeightNorm, "weight-normalise the perceptron's last layer"))
	add(c.reads.temperature, setting.Positive("temperature", &c.Temperature, "temperature of the cosine kernel"))
	add(c.reads.freedom, setting.Positive("freedom", &c.Freedom, "degrees of freedom of Student's t"))
	add(c.reads.positive, setting.Number("tau-plus", &c.Positive, func(v float64) bool { return v >= 0 && v < 1 }, "a share from 0, below 1", "share of negatives that belong to a point's own class"))
	add(c.reads.bank, setting.Int("bank", &c.Bank, 0, 1<<20, "number of representations of earlier batches kept as negatives"))
	return list
}

// Resolve implements method.Recipe.
func (c *Contrast) Resolve(n int) ([]string, error) {
	if c.WeightNorm && c.Hidden == 0 {
		return nil, errors.New("weight-norm true: a linear map has no last layer to normalise; set hidden to a width")
	}
	if err := c.Shares.Check(); err != nil {
		return nil, err
	}
	notes, err := c.Neighbourhood.Resolve(n)
	if err != nil {
		return nil, err
	}
	notes = append(notes, c.Batches.Resolve(n)...)
	if err := c.compares(); err != nil {
		return nil, err
	}
	return notes, c.fits(n)
}

// fits fails if the training needs far too much memory: for a matrix of all pairs of a batch, or of more than mostNumbers.
func (c *Contrast) fits(n int) error {
	rows := 2 * c.Anchors()
	if c.reads.pairs && rows > icon.MostPairwise {
		return fmt.Errorf("all pairs of the %d rows of a batch need too much memory: want at most %d rows; use a smaller batch", rows, icon.MostPairwise)
	}
	for _, m := range []struct {
		rows, columns int
		what, smaller string
	}{
		{c.Bank, c.Dimensions, "representations in the bank", "bank or dimensions"},
		{n, c.Dimensions, "images' representations", "dimensions"},
		{rows, c.Dimensions, "representations of a batch", "batch or dimensions"},
		{rows, c.Hidden, "rows of a batch in the hidden layer", "batch or hidden"},
	} {
		if m.rows*m.columns > mostNumbers {
			return fmt.Errorf("%d %s, each of %d numbers, need too much memory: want at most %d numbers; set %s lower", m.rows, m.what, m.columns, mostNumbers, m.smaller)
		}
	}
	return nil
}

// compares fails if a step has a single candidate, the partner: its share of q is then 1 whatever the representation.
func (c *Contrast) compares() error {
	if c.reads.candidates == nil || c.reads.candidates(c) > 1 {
		return nil
	}
	least := 4
	if c.BatchAnchors {
		least = 2
	}
	more := ""
	if c.reads.bank {
		more = ", or bank to at least 1"
	}
	return fmt.Errorf("batch %d: a step then compares an image with its partner alone, so there is nothing to learn: set batch to at least %d%s", c.Batch, least, more)
}

// Learn implements method.Recipe.
func (c *Contrast) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	t, err := c.task(ctx, c, d)
	if err != nil {
		return nil, err
	}
	plan := train.Plan{Epochs: c.Epochs, Steps: c.Steps(d.Features.Len()), Rate: c.LearningRate, Schedule: c.At()}
	if err := train.Train(ctx, d.Run, "representation", t, plan); err != nil {
		return nil, err
	}
	found := &method.Outcome{Dimensions: c.Dimensions, Loss: t.Learners()[0].Loss}
	if found.Representation, err = represent(ctx, d.Features, t.mapper(), c.Dimensions); err != nil {
		return nil, err
	}
	if h, ok := t.(*harmonic); ok {
		found.Cluster = h.nearest(found.Representation)
	}
	found.Distributions = func(ctx context.Context) (*method.Distributions, error) {
		return t.distributions(ctx, found.Representation)
	}
	return found, nil
}

// newMapper returns the linear map or the perceptron of the settings.
func (c *Contrast) newMapper(d *method.Data, in int, what uint64) (icon.Mapper[float32], error) {
	r := rand.New(rand.NewPCG(d.Seed, 0x6d6170<<16|what))
	if c.Hidden == 0 {
		return icon.NewLinear[float32](in, c.Dimensions, r), nil
	}
	m, err := icon.NewMLP[float32]([]int{in, c.Hidden, c.Dimensions}, r)
	if err == nil && c.WeightNorm {
		m = m.WeightNormalized()
	}
	return m, err
}

// learner trains the parameters of mappers, and further parameters.
func (c *Contrast) learner(more [][]float32, gradients [][]float32, mappers ...icon.Mapper[float32]) *train.Learner[float32] {
	l := &train.Learner[float32]{Optimiser: &optim.Adam[float32]{WeightDecay: c.Decay}}
	for _, m := range mappers {
		l.Parameters, l.Gradients = append(l.Parameters, m.Parameters()...), append(l.Gradients, m.Gradients()...)
	}
	l.Parameters, l.Gradients = append(l.Parameters, more...), append(l.Gradients, gradients...)
	return l
}

func (c *Contrast) cosine(d *method.Data) icon.Loss[float32] {
	return icon.Loss[float32]{Learned: icon.Cosine{Temperature: c.Temperature}, Alpha: c.Alpha, Beta: c.Beta, Workers: d.Workers}
}

// represent maps every row.
func represent(ctx context.Context, f matrix.Features, m icon.Mapper[float32], dimensions int) ([]float32, error) {
	const rows = 1024
	n, d := f.Len(), f.Dim()
	z, x := make([]float32, 0, n*dimensions), make([]float32, rows*d)
	for lo := 0; lo < n; lo += rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(n, lo+rows)
		if err := f.Block(x[:(hi-lo)*d], lo, hi); err != nil {
			return nil, err
		}
		z = append(z, m.Forward(x[:(hi-lo)*d], hi-lo)...)
	}
	return z, nil
}

// gradient is a loss over one set of points: icon.Loss and its limits.
type gradient interface {
	Gradient(ctx context.Context, dz, z []float32, n, d int, p icon.Supervisory) (float64, error)
}

// Losses of a batch's representations.
func cosineLoss(c *Contrast, d *method.Data) gradient { return c.cosine(d) }

func studentLoss(c *Contrast, d *method.Data) gradient {
	return icon.Loss[float32]{Learned: icon.StudentT{Freedom: c.Freedom}, Alpha: c.Alpha, Beta: c.Beta, Workers: d.Workers}
}

func debiasedLoss(c *Contrast, d *method.Data) gradient {
	return icon.DCL[float32]{Temperature: c.Temperature, Positive: c.Positive, Workers: d.Workers}
}

func wideLoss(*Contrast, *method.Data) gradient { return icon.Wide[float32]{} }

func narrowLoss(_ *Contrast, d *method.Data) gradient {
	return icon.Narrow[float32]{Workers: d.Workers}
}

// target computes the supervisory distribution of a batch. If it is nil, each row's only neighbour is its partner.
type target func(c *Contrast, d *method.Data, rows []int32, x []float32) (*icon.Rows, error)

// batchLabels is uniform over the rows of the batch with the same label.
func batchLabels(_ *Contrast, d *method.Data, rows []int32, _ []float32) (*icon.Rows, error) {
	labels, members, same := labelsOf(d, rows), make([]int, d.Clusters), 0
	for _, l := range labels {
		same += members[l] // pairs with the earlier rows
		members[l]++
	}
	if most := icon.MostPairwise * icon.MostPairwise; 2*same > most {
		return nil, fmt.Errorf("%d pairs of rows with the same label in a batch of %d need too much memory: want at most %d pairs; use a smaller batch", 2*same, len(rows), most)
	}
	return icon.Labels(labels), nil
}

func labelsOf(d *method.Data, rows []int32) []int {
	labels := make([]int, len(rows))
	for e, i := range rows {
		labels[e] = d.Labels[int(i)%d.Features.Len()]
	}
	return labels
}

// batchSimilarity is over all rows of the batch, by exp(cos(x_i, x_j)/τ) of their features (Sobal et al. 2025, with images instead of
// captions).
func batchSimilarity(c *Contrast, data *method.Data, rows []int32, x []float32) (*icon.Rows, error) {
	p, err := icon.CosineNeighbours(x, len(rows), data.Features.Dim(), c.Temperature)
	if err != nil {
		return nil, fmt.Errorf("targets of a batch of %d rows: %w", len(rows), err)
	}
	return p, nil
}

// contrast trains one mapper by a loss over batches.
type contrast struct {
	*sampling.Sampler
	recipe  *Contrast
	data    *method.Data
	net     icon.Mapper[float32]
	learner *train.Learner[float32]
	loss    gradient
	p       target
}

func newContrast(loss func(*Contrast, *method.Data) gradient, p target) func(context.Context, *Contrast, *method.Data) (mapping, error) {
	return func(_ context.Context, c *Contrast, d *method.Data) (mapping, error) {
		m, err := c.newMapper(d, d.Features.Dim(), 0)
		if err != nil {
			return nil, err
		}
		return &contrast{sampling.New(d, c.Pairs, c.Anchors()), c, d, m, c.learner(nil, nil, m), loss(c, d), p}, nil
	}
}

func (t *contrast) mapper() icon.Mapper[float32] { return t.net }

// Learners implements train.Task.
func (t *contrast) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *contrast) Kept() []train.Tensor { return nil }

// Gradient implements train.Task.
func (t *contrast) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	supervisory := sampling.Partners(len(b.Rows))
	if t.p != nil {
		var err error
		if supervisory, err = t.p(t.recipe, t.data, b.Rows, b.X); err != nil {
			return 0, err
		}
	}
	z := t.net.Forward(b.X, len(b.Rows))
	dz := make([]float32, len(z))
	value, err := t.loss.Gradient(ctx, dz, z, len(b.Rows), t.recipe.Dimensions, supervisory)
	if err == nil {
		t.net.Backward(dz)
	}
	return value, err
}

func (t *contrast) distributions(_ context.Context, z []float32) (*method.Distributions, error) {
	l, ok := t.loss.(icon.Loss[float32])
	if !ok {
		return nil, nil
	}
	d := &method.Distributions{
		Alpha: l.Alpha, Learned: l.Learned, Z: z, Dim: t.recipe.Dimensions, Beta: l.Beta, Candidates: method.RowCandidates,
		Note: "both are computed over all points; a training step computes them over those of its batch",
	}
	var err error
	if t.p == nil {
		d.Supervisory, err = t.Rows()
		return d, err
	}
	n := t.data.Features.Len()
	x := make([]float32, n*t.data.Features.Dim())
	if err := t.data.Features.Block(x, 0, n); err != nil {
		return nil, err
	}
	d.Supervisory, err = t.p(t.recipe, t.data, everyRow(n), x)
	return d, err
}

func everyRow(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// halves splits a batch into its anchors and their partners.
func halves(x []float32, n, d int) (anchors, others []float32) {
	anchors, others = make([]float32, 0, n/2*d), make([]float32, 0, n/2*d)
	for i := 0; i < n; i += 2 {
		anchors = append(anchors, x[i*d:(i+1)*d]...)
		others = append(others, x[(i+1)*d:(i+2)*d]...)
	}
	return anchors, others
}

// moco compares anchors with their partners' keys, computed by the mapper's moving average, and with the keys of earlier batches: a second
// set, in which each anchor's neighbour is its own key (He et al. 2020, eq. 1 and 2).
type moco struct {
	*sampling.Sampler
	recipe     *Contrast
	data       *method.Data
	query, key icon.Mapper[float32]
	learner    *train.Learner[float32]
	bank       []float32 // Bank keys, latest first
	filled     []int64   // number of keys so far
}

func newMoCo(_ context.Context, c *Contrast, d *method.Data) (mapping, error) {
	query, err := c.newMapper(d, d.Features.Dim(), 0)
	if err != nil {
		return nil, err
	}
	key, err := c.newMapper(d, d.Features.Dim(), 0) // the same start
	if err != nil {
		return nil, err
	}
	t := &moco{Sampler: sampling.New(d, c.Pairs, c.Anchors()), recipe: c, data: d, query: query, key: key, learner: c.learner(nil, nil, query)}
	t.learner.Average, t.learner.Decay = key.Parameters(), c.EMA
	t.bank, t.filled = make([]float32, c.Bank*c.Dimensions), make([]int64, 1)
	return t, nil
}

func (t *moco) mapper() icon.Mapper[float32] { return t.query }

// Learners implements train.Task.
func (t *moco) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *moco) Kept() []train.Tensor {
	return []train.Tensor{{Name: "bank", Float32: t.bank}, {Name: "filled", Int64: t.filled}}
}

// Gradient implements train.Task.
func (t *moco) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	out := t.recipe.Dimensions
	anchors, others := halves(b.X, len(b.Rows), t.data.Features.Dim())
	n := len(b.Rows) / 2
	z, keys := t.query.Forward(anchors, n), t.key.Forward(others, n)
	w := append(append([]float32(nil), keys...), t.bank[:int(t.filled[0])*out]...)
	dz := make([]float32, len(z))
	p, err := icon.Prototypes(ascending(n), len(w)/out)
	if err != nil {
		return 0, err
	}
	value, err := t.recipe.cosine(t.data).GradientBetween(ctx, dz, nil, z, w, n, len(w)/out, out, p)
	if err != nil {
		return 0, err
	}
	t.query.Backward(dz)
	t.filled[0] = int64(copy(t.bank, w) / out)
	return value, nil
}

func (t *moco) distributions(ctx context.Context, z []float32) (*method.Distributions, error) {
	l := t.recipe.cosine(t.data)
	keys, err := represent(ctx, t.data.Features, t.key, t.recipe.Dimensions)
	if err != nil {
		return nil, err
	}
	p, err := t.Rows()
	return &method.Distributions{
		Supervisory: p, Alpha: l.Alpha, Learned: l.Learned, Z: z, Dim: t.recipe.Dimensions, Others: keys, Beta: l.Beta, Candidates: method.SecondCandidates,
		Note: "q is computed over the keys of all points; the training computes it over those of a batch and the latest in the bank",
	}, err
}

func ascending(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}

// opposite is the other side of a pair: the features of a second set, or those of all augmented views, one after the other.
type opposite struct {
	name     string
	features func(d *method.Data) matrix.Features
}

var (
	secondSet  = opposite{"the second set", func(d *method.Data) matrix.Features { return d.Second }}
	otherViews = opposite{"the augmented views", func(d *method.Data) matrix.Features {
		if len(d.Views) == 1 {
			return d.Views[0]
		}
		return &matrix.Stacked{N: d.Features.Len(), Sets: d.Views}
	}}
)

// scaled returns the features as those of the first side are: standardised, or else in a unit in which a mapper can learn.
func (o opposite) scaled(ctx context.Context, c *Contrast, d *method.Data) (matrix.Features, error) {
	f := o.features(d)
	moments, err := matrix.Measure(ctx, f, d.Workers)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	if c.Standardize {
		return matrix.Standardize(f, moments), nil
	}
	if s := matrix.InUnit(f, moments); s != nil {
		return s, nil
	}
	return f, nil
}

// paired trains a mapper for each of two sets so that each point's partner is the most similar in a batch, from either side (Radford et al.
// 2021, fig. 3). A batch consists of anchors only. If an image has several augmented views, each step draws one of them as its partner.
type paired struct {
	*sampling.Sampler
	recipe   *Contrast
	data     *method.Data
	other    matrix.Features // of as many rows as the features, or, for several views, a multiple
	one, two icon.Mapper[float32]
	learner  *train.Learner[float32]
}

func newPaired(other opposite) func(context.Context, *Contrast, *method.Data) (mapping, error) {
	return func(ctx context.Context, c *Contrast, d *method.Data) (mapping, error) {
		f, err := other.scaled(ctx, c, d)
		if err != nil {
			return nil, err
		}
		t := &paired{Sampler: sampling.New(d, c.Pairs, c.Anchors()), recipe: c, data: d, other: f}
		if t.one, err = c.newMapper(d, d.Features.Dim(), 1); err != nil {
			return nil, err
		}
		if t.two, err = c.newMapper(d, f.Dim(), 2); err != nil {
			return nil, err
		}
		t.learner = c.learner(nil, nil, t.one, t.two)
		return t, nil
	}
}

func (t *paired) mapper() icon.Mapper[float32] { return t.one }

func (t *paired) distributions(ctx context.Context, z []float32) (*method.Distributions, error) {
	l := t.recipe.cosine(t.data)
	n := t.data.Features.Len()
	others, err := represent(ctx, &matrix.Subset{Features: t.other, Rows: everyRow(n)}, t.two, t.recipe.Dimensions) // of several views the first
	return &method.Distributions{
		Supervisory: icon.Pairs(n), Alpha: l.Alpha, Learned: l.Learned, Z: z, Dim: t.recipe.Dimensions, Others: others, Beta: l.Beta,
		Candidates: method.SecondCandidates, Note: "one of two directions, from these features to the other set, over all points; a training step uses those of its batch",
	}, err
}

// Learners implements train.Task.
func (t *paired) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *paired) Kept() []train.Tensor { return nil }

// Propose implements train.Task: it takes the anchors of a batch from both sets.
func (t *paired) Propose(b *train.Batch) error {
	b.Rows = t.Anchors(b.Rows[:0], b)
	n := len(b.Rows)
	if len(b.X) == 0 {
		b.X, b.Other = make([]float32, n*t.data.Features.Dim()), make([]float32, n*t.other.Dim())
	}
	images := t.data.Features.Len()
	partners := b.Rows
	if views := t.other.Len() / images; views > 1 {
		partners = make([]int32, n)
		for e, i := range b.Rows {
			partners[e] = i + int32(images*t.View(i, b.Epoch, views))
		}
	}
	return errors.Join(t.data.Features.Gather(b.X, b.Rows), t.other.Gather(b.Other, partners))
}

// Gradient implements train.Task.
func (t *paired) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	n := len(b.Rows)
	z, w := t.one.Forward(b.X, n), t.two.Forward(b.Other, n)
	value, dz, dw, err := bothWays(ctx, t.recipe.cosine(t.data), z, w, n, t.recipe.Dimensions)
	if err == nil {
		t.one.Backward(dz)
		t.two.Backward(dw)
	}
	return value, err
}

// bothWays is the mean of the losses of z among w and of w among z, and its gradients.
func bothWays(ctx context.Context, l icon.Loss[float32], z, w []float32, n, d int) (value float64, dz, dw []float32, err error) {
	dz, dw = make([]float32, n*d), make([]float32, n*d)
	backZ, backW := make([]float32, n*d), make([]float32, n*d)
	there, err := l.GradientBetween(ctx, dz, dw, z, w, n, n, d, icon.Pairs(n))
	if err != nil {
		return 0, nil, nil, err
	}
	back, err := l.GradientBetween(ctx, backW, backZ, w, z, n, n, d, icon.Pairs(n))
	if err != nil {
		return 0, nil, nil, err
	}
	for e := range dz {
		dz[e], dw[e] = (dz[e]+backZ[e])/2, (dw[e]+backW[e])/2
	}
	return (there + back) / 2, dz, dw, nil
}

// harmonic trains a linear map and a prototype for each class, with probabilities ∝ d^−(ν+1), ν = 2·dimensions − 1 (Baek et al. 2025: their
// exponent n is the number of dimensions). A point's class is that of the nearest prototype.
type harmonic struct {
	*sampling.Sampler
	recipe  *Contrast
	data    *method.Data
	net     icon.Mapper[float32]
	w, dw   []float32 // prototypes
	learner *train.Learner[float32]
	loss    icon.Loss[float32]
}

func newHarmonic(_ context.Context, c *Contrast, d *method.Data) (mapping, error) {
	m, err := c.newMapper(d, d.Features.Dim(), 0)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(d.Seed, 0x70726f746f))
	w := make([]float32, d.Clusters*c.Dimensions)
	for e := range w {
		w[e] = float32(r.NormFloat64())
	}
	dw := make([]float32, len(w))
	return &harmonic{
		Sampler: sampling.New(d, c.Pairs, c.Anchors()), recipe: c, data: d, net: m, w: w, dw: dw, learner: c.learner([][]float32{w}, [][]float32{dw}, m),
		loss: icon.Loss[float32]{Learned: icon.Power{Exponent: 2 * float64(c.Dimensions)}, Workers: d.Workers},
	}, nil
}

func (t *harmonic) mapper() icon.Mapper[float32] { return t.net }

func (t *harmonic) distributions(_ context.Context, z []float32) (*method.Distributions, error) {
	p, err := icon.Prototypes(t.data.Labels, t.data.Clusters)
	return &method.Distributions{Supervisory: p, Learned: t.loss.Learned, Z: z, Dim: t.recipe.Dimensions, Others: t.w, Candidates: method.ClassCandidates}, err
}

// Learners implements train.Task.
func (t *harmonic) Learners() []*train.Learner[float32] { return []*train.Learner[float32]{t.learner} }

// Kept implements train.Task.
func (t *harmonic) Kept() []train.Tensor { return nil }

// Gradient implements train.Task.
func (t *harmonic) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	p, err := icon.Prototypes(labelsOf(t.data, b.Rows), t.data.Clusters)
	if err != nil {
		return 0, err
	}
	z := t.net.Forward(b.X, len(b.Rows))
	dz := make([]float32, len(z))
	value, err := t.loss.GradientBetween(ctx, dz, t.dw, z, t.w, len(b.Rows), t.data.Clusters, t.recipe.Dimensions, p)
	if err == nil {
		t.net.Backward(dz)
	}
	return value, err
}

// nearest returns the class of each row of z, that of the nearest prototype.
func (t *harmonic) nearest(z []float32) (cluster []int) {
	out := t.recipe.Dimensions
	for i := range t.data.Features.Len() {
		best, at := math.Inf(1), 0
		for c := range t.data.Clusters {
			s := 0.0
			for e := range out {
				v := float64(z[i*out+e] - t.w[c*out+e])
				s += v * v
			}
			if s < best {
				best, at = s, c
			}
		}
		cluster = append(cluster, at)
	}
	return cluster
}
