package directions

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/mixture"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/head/spectral"
	"iconic/internal/dense"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// Sizes says how far the sizes of clusters may differ.
type Sizes string

const (
	SizesAuto     Sizes = "auto"     // as the halves of the features agree with best
	SizesFree     Sizes = "free"     // learned, at the least concentration
	SizesBalanced Sizes = "balanced" // angles alone decide; proportions are all alike
)

// Validate fails on a name that there is not.
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
	Workers  int // goroutines; all processors when < 1; they change no bit of the result
	// Progress, when set, is told how much is done, from one goroutine at a time.
	Progress func(done, total int)
}

// Constants of the recipe; docs/methods.md says where they come from.
const (
	neighboursWhitening  = 5
	neighboursDiffusion  = 10
	roundsDiffusion      = 2
	shrinkage            = 0.1
	few                  = 20 // clusters up to which local minima differ in their error
	startsFew, startsAll = 48, 32
	best                 = 8 // of startsFew that vote, and restarts of a probe with few clusters
	probes               = 8
	rounds, roundsProbe  = 20, 15
	iterations           = 40
	still                = 1e-3 // share of rows that may move in the last round of k-means and of a mixture
	// work bounds the multiply-adds of all starts together: with very many clusters and rows there are fewer of them, but no fewer than leastStarts.
	work        = 4e12
	leastStarts = 4
	// Eigenvectors of a whole set up to twice as many rows, else of that many landmarks.
	landmarks, landmarksEach    = 10000, 100
	landmarkDraws, spectralRuns = 8, 16
	// mostSpectral clusters start from eigenvectors; the cost grows with their square.
	mostSpectral = 300
)

// Candidate is a mixture that may be chosen.
type Candidate struct {
	Kappa float64 `json:"kappa"`
	Equal bool    `json:"equal,omitempty"` // proportions all alike
	Start string  `json:"start"`           // that it went on from
	// Agreement is the mean share of rows that the probes put into the same cluster.
	Agreement float64 `json:"agreement"`
	// Behind is how far that lies below the best candidate's, in standard errors of the difference over the probes.
	Behind float64 `json:"behind"`

	likelihood float64
	agreement  []float64 // with each probe

	cluster []int32
	probes  [][]int32
}

// Found are the clusters of all rows.
type Found struct {
	Cluster    []int32
	Chosen     Candidate
	Candidates []Candidate
	Likelihood float64 // of the chosen mixture, the mean over rows, in nats

	options Options
}

// candidates are those that sizes leave to choose from.
func candidates(s Sizes) []Candidate {
	switch s {
	case SizesBalanced:
		return []Candidate{{Kappa: 15, Equal: true}}
	case SizesFree:
		return []Candidate{{Kappa: 10}}
	}
	return []Candidate{{Kappa: 10}, {Kappa: 15}, {Kappa: 20}, {Kappa: 30}}
}

// Find clusters rows of standardised features z, near being their nearest others by cosine, at least one each. It fails on settings out of
// range, on features that cannot be read, and with ctx's error.
func Find(ctx context.Context, z knn.Features, near *knn.Graph, o Options) (*Found, error) {
	if o.Clusters < 2 || o.Clusters > z.Len() {
		return nil, fmt.Errorf("%d clusters of %d rows: want at least 2 and no more than there are rows", o.Clusters, z.Len())
	}
	if err := o.Sizes.Validate(); err != nil {
		return nil, err
	}
	s := &search{options: o, z: z, report: &report{told: o.Progress}}
	if err := s.prepare(ctx, near); err != nil {
		return nil, err
	}
	starts, err := s.allStarts(ctx)
	if err != nil {
		return nil, err
	}
	f := &Found{options: o}
	for _, start := range starts {
		for _, c := range candidates(o.Sizes) {
			c.Start = start.name
			m, err := s.mix(ctx, s.v, start.cluster, c, rounds, o.Workers)
			if err != nil {
				return nil, err
			}
			c.cluster, c.likelihood = m.Assignment, m.Likelihood
			f.Candidates = append(f.Candidates, c)
		}
	}
	if err := s.probe(ctx, f.Candidates); err != nil {
		return nil, err
	}
	f.Chosen = choose(f.Candidates)
	f.Cluster, f.Likelihood = f.Chosen.cluster, f.Chosen.likelihood
	s.report.end()
	return f, nil
}

// start is a partition from which mixtures go on.
type start struct {
	name    string
	cluster []int32
}

// allStarts are a vote of k-means, and with not too many clusters one over eigenvectors.
func (s *search) allStarts(ctx context.Context) ([]start, error) {
	plain, err := s.start(ctx)
	if err != nil || s.options.Clusters > mostSpectral {
		return []start{{"k-means", plain}}, err
	}
	eigen, err := s.spectralStart(ctx)
	return []start{{"k-means", plain}, {"eigenvectors", eigen}}, err
}

// choose takes, of all candidates that lie within a standard error of the best, the one whose sizes are least free: that of highest κ, and of those
// the one of highest agreement. What halves of the features cannot tell apart is settled by the simpler model (the rule of one standard error,
// Breiman et al. 1984).
func choose(all []Candidate) Candidate {
	best := all[0]
	for _, c := range all[1:] {
		if c.Agreement > best.Agreement {
			best = c
		}
	}
	chosen := best
	for i := range all {
		c := &all[i]
		c.Behind = behind(best.agreement, c.agreement)
		if c.Behind <= 1 && (c.Kappa > chosen.Kappa || c.Kappa == chosen.Kappa && c.Agreement > chosen.Agreement) {
			chosen = *c
		}
	}
	return chosen
}

// behind is the mean of a − b over its standard error; 0 where they are alike.
func behind(a, b []float64) float64 {
	n, mean, square := float64(len(a)), 0.0, 0.0
	for i := range a {
		mean += (a[i] - b[i]) / n
	}
	for i := range a {
		square += (a[i] - b[i] - mean) * (a[i] - b[i] - mean)
	}
	if mean == 0 {
		return 0
	}
	if square == 0 {
		return math.MaxFloat64
	}
	return mean / math.Sqrt(square/(n-1)/n)
}

// search is the state of a Find.
type search struct {
	options Options
	z       knn.Features
	u, q, v *dense.Rows // directions, those whitened, and those diffused
	report  *report
}

func (s *search) few() bool { return s.options.Clusters <= few }

// starts is how many k-means are run.
func (s *search) starts() int {
	if s.few() {
		return startsFew
	}
	one := float64(s.z.Len()) * float64(s.z.Dim()) * float64(s.options.Clusters) * iterations
	return max(leastStarts, min(startsAll, int(work/one)))
}

// restarts is how many k-means a probe or critic takes the best of.
func (s *search) restarts() int {
	if s.few() {
		return best
	}
	return 1
}

// prepare makes the space.
func (s *search) prepare(ctx context.Context, near *knn.Graph) (err error) {
	o := s.options
	s.report.total = s.starts() + probes
	if s.u, err = space.Unit(ctx, s.z, o.Workers); err != nil {
		return err
	}
	s.q, err = space.Whiten(ctx, s.u, near.Nearest(min(near.K, neighboursWhitening)), shrinkage, o.Workers)
	if err != nil {
		return err
	}
	// Of rows of length 1 the Euclidean order is that of cosines, and a row of zeros has its place.
	g, err := knn.SearchAuto.Find(ctx, s.q, knn.Options{K: min(neighboursDiffusion, s.q.Len()-1), Metric: knn.Euclidean, Workers: o.Workers, Seed: o.Seed})
	if err != nil {
		return err
	}
	s.v, err = space.Diffuse(ctx, s.q, g, roundsDiffusion, o.Workers)
	return err
}

// start is the vote of k-means: of all with many clusters, where local minima are all alike; of those of least error with few, where the others
// have merged groups or split them.
func (s *search) start(ctx context.Context) ([]int32, error) {
	o := s.options
	runs, err := kmeans.Runs(ctx, s.v, kmeans.Options{
		Clusters: o.Clusters, Starts: s.starts(), MaxIterations: iterations, Still: still, Workers: o.Workers, Seed: seed(o.Seed, 's', 0),
		Progress: func(int, int) { s.report.one() },
	})
	if err != nil {
		return nil, err
	}
	if s.few() {
		slices.SortStableFunc(runs, func(a, b *kmeans.Result) int {
			switch {
			case a.Inertia < b.Inertia:
				return -1
			case a.Inertia > b.Inertia:
				return 1
			}
			return 0
		})
		runs = runs[:best]
	}
	members := make([][]int32, len(runs))
	for m, r := range runs {
		members[m] = r.Assignment
	}
	return partition.Vote(ctx, members, o.Clusters, o.Workers)
}

// spectralStart is the vote of k-means over the leading eigenvectors of the graph of shared neighbours. Of a large set random rows stand for all, drawn
// several times; the others join the cluster whose mean direction is nearest.
func (s *search) spectralStart(ctx context.Context) ([]int32, error) {
	o, n := s.options, s.z.Len()
	rows := max(landmarks, landmarksEach*o.Clusters)
	draws := 1
	if n > 2*rows {
		draws = landmarkDraws
	} else {
		rows = n
	}
	var members [][]int32
	for d := range draws {
		found, err := s.landmarkRuns(ctx, rows, d, spectralRuns/draws)
		if err != nil {
			return nil, err
		}
		members = append(members, found...)
	}
	return partition.Vote(ctx, members, o.Clusters, o.Workers)
}

// landmarkRuns are k-means over the eigenvectors of one draw of rows, each extended to all rows.
func (s *search) landmarkRuns(ctx context.Context, rows, draw, runs int) ([][]int32, error) {
	o, n, d := s.options, s.z.Len(), s.q.Width
	q, chosen := s.q, []int32(nil)
	if rows < n {
		r := rand.New(rand.NewPCG(o.Seed, 0x6c616e64<<16|uint64(draw)))
		for _, i := range r.Perm(n)[:rows] {
			chosen = append(chosen, int32(i))
		}
		slices.Sort(chosen)
		q = dense.New(rows, d)
		if err := s.q.Gather(q.X, chosen); err != nil {
			return nil, err
		}
	}
	k := min(rows-1, max(20, min(100, rows/(2*o.Clusters))))
	g, err := knn.Exact(ctx, q, knn.Options{K: k, Metric: knn.Euclidean, Workers: o.Workers})
	if err != nil {
		return nil, err
	}
	m, err := spectral.Shared(ctx, g, o.Workers)
	if err != nil {
		return nil, err
	}
	e, _, err := spectral.Leading(ctx, m, o.Clusters, seed(o.Seed, 'e', draw), o.Workers)
	if err != nil {
		return nil, err
	}
	kernel.NormalizeRows(e.X, e.Width)
	found, err := kmeans.Runs(ctx, e, kmeans.Options{
		Clusters: o.Clusters, Starts: runs, MaxIterations: iterations, Still: still, Workers: o.Workers, Seed: seed(o.Seed, 'k', draw),
	})
	if err != nil {
		return nil, err
	}
	members := make([][]int32, runs)
	err = parallel.Blocks(ctx, o.Workers, runs, 1, func(_, r, _ int) (err error) {
		if members[r] = found[r].Assignment; chosen != nil {
			members[r], err = s.extend(ctx, chosen, members[r])
		}
		return err
	})
	return members, err
}

// extend puts every row into the cluster of landmarks whose mean direction is nearest.
func (s *search) extend(ctx context.Context, chosen, cluster []int32) ([]int32, error) {
	marks := dense.New(len(chosen), s.v.Width)
	if err := s.v.Gather(marks.X, chosen); err != nil {
		return nil, err
	}
	return mixture.Extend(ctx, marks, cluster, s.options.Clusters, s.v)
}

// mix is the partition by a candidate's mixture from a start.
func (s *search) mix(ctx context.Context, v *dense.Rows, start []int32, c Candidate, rounds, workers int) (*mixture.Result, error) {
	return mixture.Fit(ctx, v, start, mixture.Options{
		Clusters: s.options.Clusters, Kappa: c.Kappa, Equal: c.Equal, Rounds: rounds, Still: still, Workers: workers,
	})
}

// probe clusters random halves of the features, and measures how far each candidate is found again from them. Probes see neither the
// whitening nor the diffusion nor the other half.
func (s *search) probe(ctx context.Context, all []Candidate) error {
	var kinds []Candidate // a mixture each, whatever it went on from
	for c := range all {
		all[c].probes, all[c].agreement = make([][]int32, probes), make([]float64, probes)
		if !slices.ContainsFunc(kinds, all[c].sameMixture) {
			kinds = append(kinds, all[c])
		}
	}
	err := parallel.Blocks(ctx, s.options.Workers, probes, 1, func(_, p, _ int) error {
		half, err := s.half(ctx, p)
		if err != nil {
			return err
		}
		km, err := kmeans.Cluster(ctx, half, kmeans.Options{
			Clusters: s.options.Clusters, Starts: s.restarts(), MaxIterations: iterations, Still: still, Workers: 1, Seed: seed(s.options.Seed, 'p', p),
		})
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			found, err := s.mix(ctx, half, km.Assignment, kind, roundsProbe, 1)
			if err != nil {
				return err
			}
			for c := range all {
				if !all[c].sameMixture(kind) {
					continue
				}
				all[c].probes[p] = found.Assignment
				if all[c].agreement[p], err = partition.Agreement(all[c].cluster, found.Assignment, s.options.Clusters); err != nil {
					return err
				}
			}
		}
		s.report.one()
		return nil
	})
	for c := range all {
		for _, a := range all[c].agreement {
			all[c].Agreement += a / probes
		}
	}
	return err
}

// sameMixture tells whether two candidates differ in their start alone.
func (c Candidate) sameMixture(o Candidate) bool { return c.Kappa == o.Kappa && c.Equal == o.Equal }

// half is the directions of a random half of the features.
func (s *search) half(ctx context.Context, p int) (*dense.Rows, error) {
	n, d := s.z.Len(), s.z.Dim()
	r := rand.New(rand.NewPCG(s.options.Seed, 0x68616c66<<16|uint64(p)))
	columns := r.Perm(d)[:max(1, d/2)]
	slices.Sort(columns)
	part := &columnsOf{Features: s.z, columns: columns, rows: n}
	return space.Unit(ctx, part, 1)
}

// columnsOf is some columns of features.
type columnsOf struct {
	knn.Features
	columns []int
	rows    int
}

func (c *columnsOf) Dim() int { return len(c.columns) }

func (c *columnsOf) Block(dst []float32, lo, hi int) error {
	d := c.Features.Dim()
	x := make([]float32, (hi-lo)*d)
	if err := c.Features.Block(x, lo, hi); err != nil {
		return err
	}
	at := 0
	for i := range hi - lo {
		for _, e := range c.columns {
			dst[at] = x[i*d+e]
			at++
		}
	}
	return nil
}

// seed gives every k-means a seed of its own.
func seed(seed uint64, kind byte, number int) uint64 {
	return rand.New(rand.NewPCG(seed, uint64(kind)<<32|uint64(number))).Uint64()
}

// Sentence says how the sizes were chosen.
func (f *Found) Sentence() string {
	switch {
	case len(f.Candidates) > 2:
		return fmt.Sprintf("of %d clusterings one from %s with κ = %g was chosen: random halves of the features find it again as well as any (%.0f %% of the images), and none as good leaves sizes less free",
			len(f.Candidates), f.Chosen.Start, f.Chosen.Kappa, 100*f.Chosen.Agreement)
	case f.Chosen.Equal:
		return "clusters were taken to be of about the same size, as --sizes balanced says"
	}
	return "sizes of clusters were learned freely, as --sizes free says"
}
