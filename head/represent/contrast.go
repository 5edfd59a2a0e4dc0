package represent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"iconic/head/clustering"
	"iconic/head/icon"
	"iconic/head/method"
	"iconic/head/optim"
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

	opposite bool // a second mapper learns, too, from the other side of each pair

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
	return c.CheckSize(0, 0) // which the widths of the features only make larger
}

// CheckSize implements method.Sized. A training stores about eight numbers for each weight of a mapper: itself, its gradient, two moments, and a copy
// of these for the state that is saved; four more for the moving average. A second mapper is as wide as the second set, or as the features.
func (c *Contrast) CheckSize(dim, second int) error {
	weights := func(in int) int {
		if c.Hidden == 0 {
			return in * c.Dimensions
		}
		return in*c.Hidden + c.Hidden*c.Dimensions
	}
	all, copies, smaller := weights(dim), 8, "hidden or dimensions"
	if c.reads.opposite {
		all += weights(cmp.Or(second, dim))
	}
	if c.reads.bank {
		copies += 4
	}
	if c.Hidden == 0 {
		smaller = "dimensions"
	}
	if all > mostNumbers/copies {
		return fmt.Errorf("%d weights, with gradients, moments and copies %d numbers for each, need too much memory: want at most %d numbers; set %s lower", all, copies, mostNumbers, smaller)
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
		if found.Cluster, err = h.nearest(ctx, found.Representation); err != nil {
			return nil, err
		}
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
