package directions

import (
	"context"
	"fmt"

	"iconic/head/confidence"
	"iconic/head/knn"
	"iconic/head/partition"
	"iconic/head/train"
	"iconic/internal/parallel"
)

// Sizes determines how far the sizes of clusters may differ.
type Sizes string

const (
	SizesAuto     Sizes = "auto"     // chosen by agreement with halves of the features and with neighbours
	SizesFree     Sizes = "free"     // learned: by the mixture of the lowest concentration, or by joining groups
	SizesBalanced Sizes = "balanced" // angles alone decide; proportions are equal
)

// Validate fails on an unknown name.
func (s Sizes) Validate() error {
	switch s {
	case "", SizesAuto, SizesFree, SizesBalanced:
		return nil
	}
	return fmt.Errorf("sizes %q: want %s, %s or %s", s, SizesAuto, SizesFree, SizesBalanced)
}

// Options are the settings of a search for clusters.
type Options struct {
	Clusters int // 2 to the number of rows
	Sizes    Sizes
	Seed     uint64
	Workers  int // goroutines; all processors when < 1; they do not change the result
	// Redundant says that halves of the features tell nearly the same. Groups are then not joined, since halves could not tell whether they should be.
	Redundant bool
	// Run, if set, is the training to which the stages of the search belong: it shows their progress and saves their results.
	Run *train.Run
}

// Constants of the recipe; docs/methods.md explains them.
const (
	neighboursWhitening = 5
	neighboursDiffusion = 10
	roundsDiffusion     = 2
	shrinkage           = 0.1
	few                 = confidence.Few // number of clusters up to which local minima differ in their error
	startsFew           = 48
	best                = 8 // number of startsFew in the ensemble, and restarts of a probe with few clusters
	rounds, roundsProbe = 20, 15
	iterations          = 40
	far                 = 0.05 // share of a mixture's score that the I-Con loss has been seen to add
	clearLead           = 0.20 // share of the strictest mixture's score by which joined groups must lead, unless free sizes are requested
	fewGroups           = 2    // groups per cluster that are joined
	manyGroups          = 6    // or so many
	tiny                = 0.1  // share of the mean size below which a cluster of many joined groups is taken for outliers
	lost                = 0.1  // share of the clusters that some mixture with learned proportions may leave empty at most, or proportions are equal
	merged              = 0.6  // share of the clusters of another mixture below which one is taken to have merged classes; the freest have 0.72 on long tails
	alike               = 0.15 // variance of the logarithm of sizes up to which more than few clusters are of about the same size
	hopeless            = 0.05 // nats per row by which a local maximum is too unlikely to be useful; maxima with merged groups fall short by up to 0.2
	// still is the share of rows that may move in the last round of k-means and of a mixture; with more than manyRows rows it may be
	// larger, because shares of so many rows are known precisely enough.
	still, stillOfMany = 1e-3, 5e-3
	manyRows           = 50_000
	// Eigenvectors use the whole set if it has at most twice this many rows, or else this many landmarks.
	landmarks, landmarksEach    = 10000, 100
	landmarkDraws, spectralRuns = 8, 16
	// Up to mostSpectral clusters start from eigenvectors; the cost grows with the square of their number.
	mostSpectral = 300
)

// Found holds the clusters of all rows.
type Found struct {
	Cluster    []int32
	Chosen     Candidate
	Candidates []Candidate
	Likelihood float64 // mean log-likelihood, in nats, of the chosen mixture over the rows, or of one trained from the chosen clusters
	// Spread is the variance of the logarithm of cluster sizes that halves of the features confirm (partition.Spread): the mean over the probes of the
	// strictest mixture. It is measured with more than few clusters if their sizes are to be chosen, and otherwise 0.
	Spread float64

	elsewhere bool // found in other features than those of the head

	options Options
	search  *search
	critics []start // k-means on the unprocessed features
	starts  []start
}

// Find clusters rows of standardised features z; raw has the same rows unscaled, and near the nearest others of each row by cosine, at
// least one. It fails on settings out of range, on features that cannot be read, and with ctx's error.
func Find(ctx context.Context, z, raw knn.Features, near *knn.Graph, o Options) (*Found, error) {
	if o.Clusters < 2 || o.Clusters > z.Len() {
		return nil, fmt.Errorf("%d clusters of %d rows: want at least 2 and at most the number of rows", o.Clusters, z.Len())
	}
	if err := o.Sizes.Validate(); err != nil {
		return nil, err
	}
	if o.Run == nil {
		o.Run = &train.Run{}
	}
	s := &search{options: o, z: z, raw: raw, near: near}
	often := s.effort()
	found, err := o.Run.Stage(train.Stage{Name: "starts", Parts: often.critics + often.starts, Compute: func() ([]train.Tensor, error) {
		plain, err := s.critics(ctx)
		if err != nil {
			return nil, err
		}
		starts, err := s.allStarts(ctx, plain)
		if err != nil {
			return nil, err
		}
		return keepStarts(append(plain, starts...)), nil
	}})
	if err != nil {
		return nil, err
	}
	kept, err := s.keptStarts(found, often.critics)
	if err != nil {
		return nil, err
	}
	starts := kept[often.critics:]
	found, err = o.Run.Stage(train.Stage{Name: "clusters", Parts: often.probes, Compute: func() ([]train.Tensor, error) {
		all, err := s.clusterings(ctx, starts, nil)
		if err == nil {
			err = s.probe(ctx, all)
		}
		if err != nil {
			return nil, err
		}
		return keepCandidates(all), nil
	}})
	if err != nil {
		return nil, err
	}
	f := &Found{options: o, search: s, critics: kept[:often.critics], starts: starts}
	if f.Candidates, err = s.keptCandidates(found); err != nil {
		return nil, err
	}
	if err := f.spread(ctx); err != nil {
		return nil, err
	}
	f.choose()
	return f, nil
}

// spread measures how far sizes differ. The strictest mixture hardly lets large clusters grow at the expense of small ones, so what its sizes and those of
// its probes share is from the data.
func (f *Found) spread(ctx context.Context) error {
	if !f.compares() {
		return nil
	}
	measure(f.Candidates)
	f.Spread = 0
	c := strictest(f.Candidates)
	each := make([]float64, len(c.probes))
	err := parallel.Blocks(ctx, f.options.Workers, len(c.probes), 1, func(_, p, _ int) (err error) {
		each[p], err = partition.Spread(c.cluster, c.probes[p], f.options.Clusters)
		return err
	})
	for _, e := range each {
		f.Spread += e / float64(len(each))
	}
	return err
}

// compares reports whether sizes are to be chosen, and clusters are many enough to compare their sizes.
func (f *Found) compares() bool {
	return !f.search.few() && f.search.choosesSizes()
}

// alike reports whether clusters are of about the same size, as far as halves of the features confirm.
func (f *Found) alike() bool { return f.compares() && f.Spread < alike }

// choose sets the chosen candidate. If sizes of many clusters have been compared, it is the evenest if they are alike, and otherwise the mixture with
// the highest score.
func (f *Found) choose() {
	f.Chosen = choose(f.Candidates, f.options.Sizes)
	switch {
	case f.alike():
		f.Chosen = evenest(f.Candidates)
	case f.compares():
		f.Chosen = highest(f.Candidates, Candidate.valid)
	}
	f.Cluster, f.Likelihood = f.Chosen.cluster, f.Chosen.likelihood
}
