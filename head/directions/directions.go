package directions

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/head/confidence"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/mixture"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/head/spectral"
	"iconic/head/train"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
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

// Candidate is a clustering that can be chosen: a mixture, the result of training one with the I-Con loss, or joined groups.
type Candidate struct {
	Kappa float64 `json:"kappa"`
	Equal bool    `json:"equal,omitempty"` // equal proportions
	Start string  `json:"start"`           // the start it was trained from; for joined groups their name
	// Refined marks the result of training a candidate with the I-Con loss; it has the agreement of the mixtures whose sizes are least
	// free.
	Refined bool `json:"refined,omitempty"`
	// Groups is the number of groups that were joined along the neighbour graph, and 0 for other candidates. Joined groups have the agreement of the
	// mixtures whose sizes are most free.
	Groups int `json:"groups,omitempty"`
	// Agreement is the mean share of rows that the probes assign to the same cluster.
	Agreement float64 `json:"agreement"`
	// Explained is the share of the entropy of an image's cluster that its neighbours' clusters explain, from 0 to 1.
	Explained float64 `json:"explained"`
	// Short is how far its mean log-likelihood is below that of the likeliest start of the same mixture, in nats: how much worse its local
	// maximum is.
	Short float64 `json:"short"`
	// Behind is how far its score, Agreement·Explained², is below the best candidate's, in standard errors of the difference over the probes; below 0
	// for joined groups that lead by too little to be chosen.
	Behind float64 `json:"behind"`

	likelihood float64
	agreement  []float64 // with each probe
	emptied    bool      // it has fewer clusters than the same mixture from another start

	cluster []int32
	probes  [][]int32
}

// Found holds the clusters of all rows.
type Found struct {
	Cluster    []int32
	Chosen     Candidate
	Candidates []Candidate
	Likelihood float64 // mean log-likelihood, in nats, of the chosen mixture over the rows, or of one trained from the chosen clusters
	// Spread is the variance of the logarithm of cluster sizes that halves of the features confirm (partition.Spread): the mean over the probes of the
	// strictest mixture. It is measured with more than few clusters if their sizes are to be chosen, and otherwise 0.
	Spread float64

	witnesses [][]int32 // groups joined in halves of the features, of a sample of the rows; nil before joinedHalves

	elsewhere bool // found in other features than those of the head

	options Options
	search  *search
	critics []start // k-means on the unprocessed features
	starts  []start
}

// candidates returns the candidates that sizes allows.
func candidates(s Sizes) []Candidate {
	switch s {
	case SizesBalanced:
		return []Candidate{{Kappa: 15, Equal: true}}
	case SizesFree:
		return []Candidate{{Kappa: 10}}
	}
	return []Candidate{{Kappa: 10}, {Kappa: 15}, {Kappa: 20}, {Kappa: 30}}
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
	found, err := o.Run.Stage(train.Stage{Name: "starts", Parts: often.critics + often.starts, Compute: func(progress func(int)) ([]train.Tensor, error) {
		done := &counter{progress: progress}
		plain, err := s.critics(ctx, done)
		if err != nil {
			return nil, err
		}
		starts, err := s.allStarts(ctx, plain, done)
		if err != nil {
			return nil, err
		}
		return keepStarts(append(plain, starts...)), nil
	}})
	if err != nil {
		return nil, err
	}
	kept, err := s.keptStarts(found)
	if err != nil {
		return nil, err
	}
	starts := kept[often.critics:]
	found, err = o.Run.Stage(train.Stage{Name: "clusters", Parts: often.probes, Compute: func(progress func(int)) ([]train.Tensor, error) {
		all, err := s.mixtures(ctx, starts)
		if err == nil {
			err = s.probe(ctx, all, progress)
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
	return !f.search.few() && f.options.Sizes != SizesFree && f.options.Sizes != SizesBalanced
}

// alike reports whether clusters are of about the same size, as far as halves of the features confirm.
func (f *Found) alike() bool { return f.compares() && f.Spread < alike }

// explained is the share of a cluster's entropy that the neighbours explain.
func (s *search) explained(cluster []int32) float64 {
	return partition.Explained(cluster, s.near, s.options.Clusters)
}

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

// start is a partition from which mixtures are trained.
type start struct {
	name    string
	cluster []int32
}

// allStarts returns the starts by k-means and, unless there are too many clusters, an ensemble of k-means on eigenvectors. With few
// clusters it adds the best of the critics: a large group around the mean has no direction of its own.
func (s *search) allStarts(ctx context.Context, plain []start, done *counter) ([]start, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	starts, err := s.plainStarts(ctx, done)
	if s.few() {
		starts = append(starts, plain[0])
	}
	if err != nil || s.options.Clusters > mostSpectral {
		return starts, err
	}
	s.options.Run.Begin("starts by eigenvectors")
	eigen, err := s.spectralStart(ctx)
	return append(starts, start{"eigenvectors", eigen}), err
}

// mixtures returns the candidates, each trained from every start.
func (s *search) mixtures(ctx context.Context, starts []start) ([]Candidate, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	s.options.Run.Begin("mixtures")
	var all []Candidate
	for _, start := range starts {
		for _, c := range candidates(s.options.Sizes) {
			c.Start = start.name
			m, err := s.mix(ctx, s.v, start.cluster, c, rounds, s.options.Workers)
			if err != nil {
				return nil, err
			}
			c.cluster, c.likelihood, c.Explained = m.Assignment, m.Likelihood, s.explained(m.Assignment)
			all = append(all, c)
		}
	}
	freest := slices.MinFunc(all, func(a, b Candidate) int { return cmp.Compare(a.strictness(), b.strictness()) })
	joined, err := s.joinedCandidates(ctx, freest)
	return append(all, joined...), err
}

// choose considers all valid candidates whose scores the probes cannot distinguish from the highest. It takes the one whose sizes are
// least free, and of those the one with the highest score: if the measure does not decide, the simpler model wins. Joined groups are chosen only if they
// lead all others clearly; if free sizes are requested, the highest score decides.
//
// The score is D·U². D is the agreement with the probes: a partition that halves of the features find again is a property of the data. By
// itself it favours clusters of one size, since the halves have less information and so make clusters more equal in size. U = I/H is the
// mutual information of the clusters at both ends of an edge of the neighbour graph over the entropy of a cluster: many edges cross a
// border through the middle of a large group, which adds more to H than to I, while a missed border between two small groups takes as much
// from both. U by itself favours few large clusters. The square is the lowest integer power that separated uneven sets from even ones on
// draws that are in no table of results (docs/methods.md).
func choose(all []Candidate, sizes Sizes) Candidate {
	measure(all)
	best := highest(all, Candidate.valid)
	level := doubt(len(best.agreement), false)
	switch {
	case sizes == SizesFree || best.joined() && lead(best, all):
		level = 0
	case best.joined():
		best = highest(all, func(c Candidate) bool { return c.valid() && !c.joined() })
	}
	chosen := best
	for i := range all {
		c := &all[i]
		c.Behind = behind(best.scores(), c.scores())
		if c.valid() && c.Behind <= level && c.evenerThan(chosen) {
			chosen = *c
		}
	}
	return chosen
}

// evenest is the valid candidate whose sizes are least free. Agreement with halves and neighbours is not asked: if classes are of one size, a
// clustering that joins related ones, and leaves scattered images to small clusters, agrees with both at least as well.
func evenest(all []Candidate) (best Candidate) {
	for _, c := range all {
		if c.valid() && (best.agreement == nil || c.evenerThan(best)) {
			best = c
		}
	}
	return best
}

// evenerThan reports whether c's sizes are less free than those of another; of equally free ones, the higher score decides.
func (c Candidate) evenerThan(other Candidate) bool {
	return c.strictness() > other.strictness() || c.strictness() == other.strictness() && c.score() > other.score()
}

// lead reports whether joined groups score clearly higher than all other candidates, and higher than the I-Con loss could raise the strictest mixture.
func lead(joined Candidate, all []Candidate) bool {
	level := doubt(len(joined.agreement), true)
	for _, c := range all {
		if c.valid() && !c.joined() && behind(joined.scores(), c.scores()) <= level {
			return false
		}
	}
	return joined.score() > (1+far)*strictest(all).score()
}

// highest is the first of the admitted candidates with the highest score.
func highest(all []Candidate, admitted func(Candidate) bool) (best Candidate) {
	for _, c := range all {
		if admitted(c) && (best.agreement == nil || c.score() > best.score()) {
			best = c
		}
	}
	return best
}

// score is D·U²; see choose.
func (c Candidate) score() float64 { return c.Agreement * c.Explained * c.Explained }

// scores returns the scores with each probe.
func (c Candidate) scores() []float64 {
	list := make([]float64, len(c.agreement))
	for p, a := range c.agreement {
		list[p] = a * c.Explained * c.Explained
	}
	return list
}

// measure compares the results of each mixture from its starts: the likeliest is valid. A clustering with an empty cluster is not, if
// another has none.
func measure(all []Candidate) {
	filled := make([]int, len(all))
	for i, c := range all {
		filled[i] = used(c.cluster)
	}
	for i := range all {
		c, most := &all[i], 0
		for o, other := range all {
			if other.mixture() && other.sameMixture(*c) {
				most = max(most, filled[o])
			}
		}
		c.Short, c.emptied = 0, filled[i] < most
		for o, other := range all {
			if other.mixture() && other.sameMixture(*c) && filled[o] == most {
				c.Short = max(c.Short, other.likelihood-c.likelihood)
			}
		}
	}
}

// used is the number of clusters that have rows.
func used(cluster []int32) (count int) {
	var has []bool
	for _, c := range cluster {
		for int(c) >= len(has) {
			has = append(has, false)
		}
		if !has[c] {
			has[c] = true
			count++
		}
	}
	return count
}

// mixture reports whether the candidate is a mixture, neither refined nor joined.
func (c Candidate) mixture() bool { return !c.Refined && !c.joined() }

func (c Candidate) joined() bool { return c.Groups > 0 }

// kind says what the candidate is.
func (c Candidate) kind() string {
	switch {
	case c.Refined:
		return "head trained by the I-Con loss"
	case c.joined():
		return joinedName
	}
	return "mixture"
}

// valid reports whether a candidate may be chosen: of one mixture from several starts only the likeliest, a result of the I-Con loss only if a
// mixture from it is about as likely, and joined groups however likely, since the mixtures prefer groups of one radius.
func (c Candidate) valid() bool {
	return !c.emptied && (c.Short == 0 || c.Refined && c.Short <= hopeless || c.joined())
}

// strictness is higher the less a candidate lets sizes differ: the I-Con loss, which penalises large clusters, is the strictest, and joined
// groups, each of any size, the least strict.
func (c Candidate) strictness() float64 {
	switch {
	case c.Refined:
		return math.Inf(1)
	case c.joined():
		return 0
	}
	return c.Kappa
}

// behind is the mean of a − b over its standard error; 0 if they are equal.
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
		return math.Copysign(math.MaxFloat64, mean)
	}
	return mean / math.Sqrt(square/(n-1)/n)
}

// search is the state of a Find.
type search struct {
	options Options
	z, raw  knn.Features
	near    *knn.Graph
	q, v    *matrix.Dense // directions whitened, and then averaged; nil before prepare
	graph   *knn.Graph    // neighbours in q, used by the average and the eigenvectors
}

func (s *search) few() bool { return s.options.Clusters <= few }

// still is the share of rows that may move in the last round.
func (s *search) still() float64 {
	if s.z.Len() > manyRows {
		return stillOfMany
	}
	return still
}

// restarts is the number of k-means runs of which a probe or critic takes the best.
func (s *search) restarts() int {
	if s.few() {
		return best
	}
	return 1
}

// prepare computes the space, once.
func (s *search) prepare(ctx context.Context) error {
	if s.v != nil {
		return nil
	}
	o := s.options
	o.Run.Begin("whitening")
	u, err := space.Unit(ctx, s.z, o.Workers)
	if err != nil {
		return err
	}
	s.q, err = space.Whiten(ctx, u, s.near.Nearest(min(s.near.K, neighboursWhitening)), shrinkage, o.Workers)
	if err != nil {
		return err
	}
	o.Run.Begin("neighbours of directions")
	// For rows of length 1 the Euclidean order is the cosine order, and a row of zeros is allowed.
	s.graph, err = knn.SearchAuto.Find(ctx, s.q, knn.Options{K: sharing(s.q.Len(), o.Clusters), Metric: knn.Euclidean, Workers: o.Workers, Seed: o.Seed})
	if err != nil {
		return err
	}
	s.v, err = space.Diffuse(ctx, s.q, s.closest(s.graph), roundsDiffusion, o.Workers)
	return err
}

// closest has the neighbours that are averaged: no more than a row has in a cluster of equal size, so that small groups do not merge into others.
func (s *search) closest(g *knn.Graph) *knn.Graph {
	own := max(1, min(neighboursDiffusion, g.N/s.options.Clusters-1))
	return g.Nearest(min(g.K, own))
}

// sharing is the number of neighbours among n rows that are compared to count shared neighbours: about half of a cluster's rows.
func sharing(n, clusters int) int { return min(n-1, max(20, min(100, n/(2*clusters)))) }

// plainStarts returns the ensemble of the k-means runs: with many clusters of all runs, since their local minima are of equal quality; with
// few of those with the lowest error, since the others have merged or split groups. With few clusters it adds the single run with the
// lowest error, because an ensemble of two different minima is neither.
func (s *search) plainStarts(ctx context.Context, done *counter) ([]start, error) {
	o := s.options
	o.Run.Begin("starts by k-means")
	runs, err := kmeans.Runs(ctx, s.v, kmeans.Options{
		Clusters: o.Clusters, Starts: s.effort().starts, MaxIterations: iterations, Still: s.still(), Workers: o.Workers, Seed: seed(o.Seed, 's', 0),
		Progress: func(int, int) { done.one() },
	})
	if err != nil {
		return nil, err
	}
	if s.few() {
		slices.SortStableFunc(runs, byInertia)
		runs = runs[:best]
	}
	members := make([][]int32, len(runs))
	for m, r := range runs {
		members[m] = r.Assignment
	}
	vote, err := partition.Vote(ctx, members, o.Clusters, o.Workers)
	starts := []start{{"k-means", vote}}
	if s.few() {
		starts = append(starts, start{"the best k-means", members[0]})
	}
	return starts, err
}

func byInertia(a, b *kmeans.Result) int { return cmp.Compare(a.Inertia, b.Inertia) }

// spectralStart is an ensemble of k-means runs on the leading eigenvectors of the graph of shared neighbours. A large set is represented by
// random rows, drawn several times; the other rows join the cluster with the nearest mean direction.
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

// landmarkRuns runs k-means on the eigenvectors of one draw of rows, and extends each result to all rows.
func (s *search) landmarkRuns(ctx context.Context, rows, draw, runs int) ([][]int32, error) {
	o, n, d := s.options, s.z.Len(), s.q.Width
	q, chosen := s.q, []int32(nil)
	if rows < n {
		chosen = matrix.RandomRows(rand.New(rand.NewPCG(o.Seed, 0x6c616e64<<16|uint64(draw))), n, rows)
		q = matrix.NewDense(rows, d)
		if err := s.q.Gather(q.X, chosen); err != nil {
			return nil, err
		}
	}
	g := s.graph
	if chosen != nil {
		var err error
		if g, err = knn.Exact(ctx, q, knn.Options{K: sharing(rows, o.Clusters), Metric: knn.Euclidean, Workers: o.Workers}); err != nil {
			return nil, err
		}
	}
	m, err := spectral.Shared(ctx, g, o.Workers)
	if err != nil {
		return nil, err
	}
	leading, err := spectral.Leading(ctx, m, spectral.Options{Count: o.Clusters, Seed: seed(o.Seed, 'e', draw), Workers: o.Workers})
	if err != nil {
		return nil, err
	}
	e := leading.Vectors
	kernel.NormalizeRows(e.X, e.Width)
	found, err := kmeans.Runs(ctx, e, kmeans.Options{
		Clusters: o.Clusters, Starts: runs, MaxIterations: iterations, Still: s.still(), Workers: o.Workers, Seed: seed(o.Seed, 'k', draw),
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

// extend assigns every row to the cluster of landmarks with the nearest mean direction.
func (s *search) extend(ctx context.Context, chosen, cluster []int32) ([]int32, error) {
	marks := matrix.NewDense(len(chosen), s.v.Width)
	if err := s.v.Gather(marks.X, chosen); err != nil {
		return nil, err
	}
	return mixture.Extend(ctx, marks, cluster, s.options.Clusters, s.v)
}

// mix returns the partition by a candidate's mixture, trained from a start.
func (s *search) mix(ctx context.Context, v *matrix.Dense, start []int32, c Candidate, rounds, workers int) (*mixture.Result, error) {
	return mixture.Fit(ctx, v, start, mixture.Options{
		Clusters: s.options.Clusters, Kappa: c.Kappa, Equal: c.Equal, Rounds: rounds, Still: s.still(), Workers: workers,
	})
}

// probe clusters random halves of the features, and measures how well they reproduce each candidate. Probes use neither the whitening nor
// the diffusion nor the other half. Of mixtures from several starts the one with the highest likelihood counts.
func (s *search) probe(ctx context.Context, all []Candidate, progress func(done int)) error {
	s.options.Run.Begin("halves of the features")
	done, probes := counter{progress: progress}, s.effort().probes
	var kinds []Candidate // one per mixture, whatever its start
	for c := range all {
		all[c].probes, all[c].agreement = make([][]int32, probes), make([]float64, probes)
		if !slices.ContainsFunc(kinds, all[c].sameMixture) {
			kinds = append(kinds, all[c])
		}
	}
	workers := parallel.Each(s.options.Workers, probes)
	err := parallel.Blocks(ctx, s.options.Workers, probes, 1, func(_, p, _ int) error {
		half, starts, err := s.half(ctx, p, workers)
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			var found *mixture.Result
			for _, start := range starts {
				m, err := s.mix(ctx, half, start, kind, roundsProbe, workers)
				if err != nil {
					return err
				}
				if found == nil || m.Likelihood > found.Likelihood {
					found = m
				}
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
		done.one()
		return nil
	})
	for c := range all {
		for _, a := range all[c].agreement {
			all[c].Agreement += a / float64(probes)
		}
	}
	return err
}

// sameMixture reports whether two candidates differ only in their start.
func (c Candidate) sameMixture(o Candidate) bool { return c.Kappa == o.Kappa && c.Equal == o.Equal }

// columns are those of a random half of the features.
func (s *search) columns(p int) []int {
	d := s.z.Dim()
	columns := rand.New(rand.NewPCG(s.options.Seed, 0x68616c66<<16|uint64(p))).Perm(d)[:max(1, d/2)]
	slices.Sort(columns)
	return columns
}

// half returns the directions of a random half of the features, and starts in it: k-means on them, and with few clusters also on the
// features themselves.
func (s *search) half(ctx context.Context, p, workers int) (*matrix.Dense, [][]int32, error) {
	columns := s.columns(p)
	half, err := space.Unit(ctx, &matrix.Columns{Features: s.z, Columns: columns}, workers)
	if err != nil {
		return nil, nil, err
	}
	on := []knn.Features{half}
	if s.few() {
		on = append(on, &matrix.Columns{Features: s.raw, Columns: columns})
	}
	var starts [][]int32
	for _, x := range on {
		km, err := kmeans.Cluster(ctx, x, kmeans.Options{
			Clusters: s.options.Clusters, Starts: s.restarts(), MaxIterations: iterations, Still: s.still(), Workers: workers, Seed: seed(s.options.Seed, 'p', p),
		})
		if err != nil {
			return nil, nil, err
		}
		starts = append(starts, km.Assignment)
	}
	return half, starts, nil
}

// seed gives every k-means run a seed of its own.
func seed(seed uint64, kind byte, number int) uint64 {
	return rand.New(rand.NewPCG(seed, uint64(kind)<<32|uint64(number))).Uint64()
}

// Sentence describes how the sizes were chosen.
func (f *Found) Sentence() string {
	all, halves := len(f.Candidates), fmt.Sprintf("random halves of the features on %.0f %% of the images", 100*f.Chosen.Agreement)
	switch {
	case f.options.Sizes == SizesBalanced:
		return "groups of about the same size, as requested"
	case f.Chosen.joined():
		requested, clearly := "", "clearly "
		if f.options.Sizes == SizesFree {
			requested, clearly = ", as requested", ""
		}
		return fmt.Sprintf("groups of any size%s, joined from %d small ones along the neighbour graph; they agree with %s, and %sbetter with these and with neighbours than the %d other clusterings",
			requested, f.Chosen.Groups, halves, clearly, all-1)
	case f.options.Sizes == SizesFree:
		return "groups of any size, as requested"
	case f.alike():
		return fmt.Sprintf("groups of about the same size, since halves of the features confirm hardly any differences (typically by a factor of %.2f); the most even of the %d clusterings is kept: %s",
			math.Exp(math.Sqrt(max(0, f.Spread))), all, f.name("the"))
	case f.compares():
		return fmt.Sprintf("groups whose sizes follow the data, since halves of the features confirm that they differ (typically by a factor of at least %.2f); of the %d clusterings, %s agrees best with "+
			"random halves of the features (on %.0f %% of the images) and with neighbours", math.Exp(math.Sqrt(f.Spread)), all, f.name("the"), 100*f.Chosen.Agreement)
	case f.Chosen.Refined:
		return fmt.Sprintf("groups of about the same size: %s, which agrees with %s; none of the %d other clusterings agrees clearly better with these and with neighbours "+
			"(if classes are known to differ in size, choose free sizes)", f.name("the"), halves, all-1)
	}
	return fmt.Sprintf("groups whose sizes follow the data: %s, which agrees with %s; none of the %d other clusterings agrees clearly better with these and with neighbours", f.name("a"), halves, all-1)
}

// name names the chosen candidate; the article is that of a mixture.
func (f *Found) name(article string) string {
	if f.Chosen.Refined {
		return "the I-Con clustering"
	}
	return fmt.Sprintf("%s mixture at κ = %g (sizes are freest at 10 and most even at 30)", article, f.Chosen.Kappa)
}
