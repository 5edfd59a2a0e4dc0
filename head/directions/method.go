package directions

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/clustering"
	"iconic/head/confidence"
	"iconic/head/ensemble"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/regression"
	"iconic/head/setting"
	"iconic/head/spectral"
	"iconic/head/train"
	"iconic/matrix"
)

// Name is the name of the method.
const Name = "direction-mixture"

// mostRows is the largest number of rows in which clusters are searched. A larger set is sampled at random, and the head that learns the
// clusters sorts the other rows.
const mostRows = 100_000

// Methods returns the method of this package.
func Methods() []method.Method { return []method.Method{mixtures{}} }

type mixtures struct{}

// About implements method.Method.
func (mixtures) About() method.About {
	return method.About{
		Name:        Name,
		Supervisory: "the point's own cluster, softly, on whitened directions averaged over neighbours",
		Learned:     "the same, with learned proportions",
		Mapper:      "cluster assignment, then linear",
		Equation:    "−1/n Σ_i ln Σ_c π_c exp(κ μ_c·v_i), |μ_c| = 1",
		Source:      "Banerjee et al. 2005; probabilistic k-means of I-Con app., on directions",
		Takes:       method.NeedsSecond,
		Purpose:     "the default: clusters of any size, with a confidence calibrated to the expected accuracy",
	}
}

// Recipe implements method.Method.
func (mixtures) Recipe(int) method.Recipe {
	return &Recipe{
		most:          mostRows,
		Scaling:       method.Scaling{Standardize: true},
		Neighbourhood: method.Neighbourhood{Neighbours: 10, Metric: knn.Cosine, Search: knn.SearchAuto},
		Sizes:         SizesAuto,
	}
}

// Recipe holds the settings of the method.
type Recipe struct {
	method.Scaling
	method.Neighbourhood
	Sizes Sizes

	most int // largest number of rows in which clusters are searched
}

// Settings implements method.Recipe.
func (r *Recipe) Settings() setting.List {
	return setting.Join(r.Scaling.Settings(), setting.List{
		method.SearchSetting(&r.Search),
		setting.Choice("sizes", &r.Sizes, "how far clusters may differ in size; auto chooses by the agreement with random halves of the features and with neighbours", SizesAuto, SizesFree, SizesBalanced).
			Unchanging("if clusters are of equal size, all give the same result"),
	})
}

// Resolve implements method.Recipe. Neighbours are searched in the sample only.
func (r *Recipe) Resolve(n int) ([]string, error) {
	r.Neighbours = max(1, min(r.Neighbours, n-1))
	return r.Neighbourhood.Resolve(r.Sampled(n))
}

// Sampled implements method.Sampler.
func (r *Recipe) Sampled(n int) int { return min(n, r.most) }

// Learn implements method.Recipe: it finds clusters, teaches them to a linear head, and scales the head to its expected accuracy
// (calibrate).
func (r *Recipe) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	part, notes, err := r.sample(ctx, d)
	if err != nil {
		return nil, err
	}
	found, spaces, err := r.find(ctx, part)
	if err != nil {
		return nil, err
	}
	side, err := sides(ctx, part)
	if err != nil {
		return nil, err
	}
	if side != "" {
		notes = append(notes, side)
	}
	notes = append(notes, spaces...)
	out := &method.Outcome{}
	if err = r.refine(ctx, found, part, out); err != nil {
		return nil, err
	}
	if found.search.repeats() && !found.repaired() {
		if err = found.again(ctx); err != nil {
			return nil, err
		}
		if err = r.refine(ctx, found, part, out); err != nil {
			return nil, err
		}
	}
	if err = found.learn(ctx, part, out); err != nil {
		return nil, err
	}
	d.Run.Begin("confidence")
	var expected Expected
	out.Vote, expected, err = calibrate(ctx, out.Head, part, found)
	if err != nil {
		return nil, err
	}
	if err := d.Run.Record(train.Epoch{Epoch: 1, Step: 1, Loss: out.Loss}); err != nil {
		return nil, err
	}
	out.Distributions = func(ctx context.Context) (*method.Distributions, error) {
		z, err := out.Head.AllLogits(ctx, part.Features, part.Workers)
		return &method.Distributions{
			Supervisory: icon.Labels(partition.Classes(found.Cluster)), Learned: icon.Cluster{}, Z: z, Dim: d.Clusters, Candidates: method.RowCandidates,
			Note: fmt.Sprintf("p is the point's cluster in the %s, and q the assignment by the linear head of these clusters", found.Chosen.kind()),
		}, err
	}
	out.Expected, out.Choice = expected.Share, found.Sentence()
	out.Fill = found.fill(side != "")
	out.Notes, out.Findings = notes, []string{"chosen: " + out.Choice, found.explain(expected)}
	if u := out.Vote.Flat; u > 0 {
		out.Findings = append(out.Findings, fmt.Sprintf("cruder clusterings confirm the most confident assignments less often than their confidence says, so a flatter distribution, the softmax of half the logits, makes up %.0f %% of every image's probabilities", 100*u))
	}
	return out, nil
}

// fill is the advice for clusters that are empty, of features that may differ along one line only; "" if there is none.
func (f *Found) fill(line bool) string {
	switch {
	case line:
		return "choose method kmeans"
	case !f.Chosen.Equal && !f.Chosen.Refined:
		return "choose balanced sizes, with which more may be used"
	}
	return ""
}

// refine tries the I-Con loss if that is worthwhile, and sets the head that it trained, or none, and the loss of the clusters.
func (r *Recipe) refine(ctx context.Context, found *Found, d *method.Data, out *method.Outcome) (err error) {
	out.Head = nil
	if r.Sizes != SizesFree && found.worthwhile() {
		if out.Head, out.Loss, err = found.refine(ctx, d); err != nil {
			return err
		}
	}
	if !found.Chosen.Refined {
		out.Loss = -found.Likelihood
	}
	return nil
}

// learn trains the head of the chosen clusters. One that the I-Con loss has trained is kept, except with few clusters: there a head that learns
// them with a penalty assigns unseen images more accurately. Clusters from other features are learned without a penalty, which would reproduce them
// less exactly.
func (f *Found) learn(ctx context.Context, d *method.Data, out *method.Outcome) (err error) {
	const phase = "head of the clusters"
	classes := partition.Classes(f.Cluster)
	switch {
	case f.penalised():
		out.Head, err = regression.Penalised(ctx, d, phase, classes)
	case !f.Chosen.Refined:
		steps := regression.LeastSteps
		if lifts(d) {
			steps = regression.FaithfulSteps
		}
		out.Head, err = regression.Clusters(ctx, d, phase, classes, regression.Epochs(d.Features.Len(), steps))
	}
	return err
}

// penalised reports whether the head learns the clusters with a penalty.
func (f *Found) penalised() bool {
	return !f.elsewhere && (!f.Chosen.Refined || f.search.few())
}

// find searches for clusters in the features, or, with a second set of the same images, in the two together and in each alone, and takes
// the result with the highest expected accuracy: an encoder that distinguishes little in these images would only blur the other's features.
func (r *Recipe) find(ctx context.Context, d *method.Data) (best *Found, notes []string, err error) {
	given, err := r.spaces(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	spaces := make([]*method.Data, len(given))
	for s, g := range given {
		if spaces[s], err = r.lifted(ctx, g); err != nil {
			return nil, nil, err
		}
	}
	share, most := make([]float64, len(spaces)), 0
	for s, seen := range spaces {
		found, err := Find(ctx, seen.Features, seen.Raw, seen.Graph, Options{
			Clusters: d.Clusters, Sizes: r.Sizes, Seed: d.Seed, Workers: d.Workers, Redundant: lifts(given[s]), Run: d.Run,
		})
		if err != nil {
			return nil, nil, err
		}
		found.elsewhere = seen != d
		if len(spaces) > 1 {
			expected, err := found.Expected(found.Cluster)
			if err != nil {
				return nil, nil, err
			}
			share[s] = expected.both
		}
		if s == 0 || share[s] > share[most] {
			best, most = found, s
		}
	}
	if lifts(given[most]) {
		notes = append(notes, liftNote(given[most].Features.Dim()))
	}
	if len(spaces) == 1 {
		return best, notes, nil
	}
	when := ""
	if best.search.repeats() {
		when = "after the first pass "
	}
	taken := []string{"both sets of features together", "the first set of features alone", "the second set of features alone"}[most]
	return best, append(notes, fmt.Sprintf("clusters were found in %s: %sthe expected accuracy is %.0f %% with both, %.0f %% with the first and %.0f %% with the second",
		taken, when, 100*share[0], 100*share[1], 100*share[2])), nil
}

// spaces returns the data in which clusters are searched: d, or, with a second set, both sets together, d, and the second set.
func (r *Recipe) spaces(ctx context.Context, d *method.Data) ([]*method.Data, error) {
	if d.Second == nil {
		return []*method.Data{d}, nil
	}
	both, err := r.beside(ctx, d, d.Raw, d.Second)
	if err != nil {
		return nil, err
	}
	second, err := r.beside(ctx, d, d.Second)
	return []*method.Data{both, d, second}, err
}

// beside returns the data with the given sets of features of the same images side by side, each set scaled to the same total variance. The
// head that learns the clusters sees only the first set, so that new images need one encoder.
func (r *Recipe) beside(ctx context.Context, d *method.Data, sets ...matrix.Features) (*method.Data, error) {
	var scaled, raw matrix.Beside
	for _, f := range sets {
		moments, err := matrix.Measure(ctx, f, d.Workers)
		if err != nil {
			return nil, err
		}
		raw.Sets, raw.Scale = append(raw.Sets, f), append(raw.Scale, float32(1/math.Sqrt(moments.Total())))
		z := matrix.Standardize(f, moments)
		varied := 0.0
		for _, v := range z.Inverse {
			if v > 0 {
				varied++
			}
		}
		scaled.Sets, scaled.Scale = append(scaled.Sets, z), append(scaled.Scale, float32(1/math.Sqrt(varied)))
	}
	other := *d
	other.Features, other.Raw = &scaled, &raw
	var err error
	other.Graph, err = r.neighbours(ctx, &other)
	return &other, err
}

// neighbours returns the graph of nearest neighbours of d's features.
func (r *Recipe) neighbours(ctx context.Context, d *method.Data) (*knn.Graph, error) {
	return r.Search.Find(ctx, d.Features, knn.Options{K: min(r.Neighbours, d.Features.Len()-1), Metric: knn.Cosine, Workers: d.Workers, Seed: d.Seed})
}

// refinement determines how starts are trained further by the I-Con loss.
var refinement = clustering.Refinement{Phase: "I-Con loss", Anchors: 2048, Steps: 300, Rate: 1e-3}

// worthwhile reports whether the I-Con loss should be tried: it prefers equal sizes, so with many clusters it is tried if their sizes are alike, and
// with few it is not if clusters of freer sizes score higher than the strictest mixture by more than the loss has been seen to add.
func (f *Found) worthwhile() bool {
	if f.compares() {
		return f.alike()
	}
	return f.Chosen.score() <= (1+far)*strictest(f.Candidates).score()
}

// refine trains the chosen clusters and the starts further by the I-Con loss over shared neighbours, and adds the result with the lowest
// loss to the candidates. On one graph the loss distinguishes good starts from bad ones, but not for sets whose classes differ in size:
// there agreement decides.
func (f *Found) refine(ctx context.Context, d *method.Data) (*linear.Head, float64, error) {
	s := f.search
	if err := s.prepare(ctx); err != nil {
		return nil, 0, err
	}
	data, how := *d, refinement
	data.Graph = s.graph
	var err error
	if how.Weights, err = spectral.Weights(ctx, s.graph, d.Workers); err != nil {
		return nil, 0, err
	}
	from := []start{{f.Chosen.Start, f.Chosen.cluster}}
	for _, start := range f.starts {
		if f.useful(start.name) {
			from = append(from, start)
		}
	}
	heads := make([]*linear.Head, len(from))
	const enough = 200 // steps: enough to learn the clusters, but not yet the confidence
	times := max(1, enough/regression.PerEpoch(d.Features.Len(), regression.Batch))
	for h, start := range from {
		if heads[h], err = regression.Clusters(ctx, &data, fmt.Sprintf("head of start %d", h+1), partition.Classes(start.cluster), times); err != nil {
			return nil, 0, err
		}
	}
	losses, err := clustering.Refine(ctx, &data, heads, how)
	if err != nil {
		return nil, 0, err
	}
	least := train.Best(losses)
	cluster, err := heads[least].Argmaxes(ctx, d.Features, d.Workers)
	if err != nil {
		return nil, 0, err
	}
	c := strictest(f.Candidates)
	c.Refined, c.Start, c.cluster = true, from[least].name, partition.Of(cluster)
	if err := s.agreeOne(&c); err != nil {
		return nil, 0, err
	}
	// Its likelihood is that of the mixture trained from its clusters, which shows whether it has ended in a worse maximum.
	m, err := s.mix(ctx, s.v, c.cluster, c, rounds, d.Workers)
	if err != nil {
		return nil, 0, err
	}
	c.likelihood = m.Likelihood
	// A mixture follows the graph more closely than any linear head does, so agreement with neighbours is compared between mixtures.
	c.Explained = s.explained(m.Assignment)
	f.Candidates = append(f.Candidates, c)
	f.choose()
	return heads[least], losses[least], nil
}

// useful reports whether the strictest mixture from a start is worth training further: no cluster is empty, and it is likely enough.
func (f *Found) useful(name string) bool {
	kind := strictest(f.Candidates)
	for _, c := range f.Candidates {
		if c.Start == name && c.sameMixture(kind) {
			return c.pardoned || !c.emptied && c.Short <= hopeless
		}
	}
	return true
}

// strictest is the mixture whose sizes are least free; of several, the valid one, and of valid ones one that leads although it is less likely.
func strictest(all []Candidate) (best Candidate) {
	rank := func(c Candidate) int {
		switch {
		case c.pardoned:
			return 2
		case c.valid():
			return 1
		}
		return 0
	}
	for _, c := range all {
		if c.mixture() && (c.strictness() > best.strictness() || c.strictness() == best.strictness() && rank(c) > rank(best)) {
			best = c
		}
	}
	return best
}

// sample returns d, or r.most of its rows drawn at random if it has more.
func (r *Recipe) sample(ctx context.Context, d *method.Data) (*method.Data, []string, error) {
	n := d.Features.Len()
	if n <= r.most {
		return d, nil, nil
	}
	d.Run.Begin("neighbours in the sample")
	rows := matrix.RandomRows(rand.New(rand.NewPCG(d.Seed, 0x73616d706c65)), n, r.most)
	part := *d
	part.Features, part.Raw = &matrix.Subset{Features: d.Features, Rows: rows}, &matrix.Subset{Features: d.Raw, Rows: rows}
	if d.Second != nil {
		part.Second = &matrix.Subset{Features: d.Second, Rows: rows}
	}
	var err error
	part.Graph, err = r.neighbours(ctx, &part)
	return &part, []string{fmt.Sprintf("clusters were found in %d of %d images, drawn at random; the head assigns the others", r.most, n)}, err
}

// calibrate returns l as a head whose mean confidence is its expected accuracy. If it learned few clusters with a penalty, that is the mean over the
// rows and over the same rows by heads that have not learned them, which are less confident: the head will assign both kinds. With more, for which
// it is known that witnesses agree about as often as the labels do, it has the flat share at which confident rows are as often agreed on as they say.
func calibrate(ctx context.Context, l *linear.Head, d *method.Data, found *Found) (*ensemble.Head, Expected, error) {
	own, err := l.Argmaxes(ctx, d.Features, d.Workers)
	if err != nil {
		return nil, Expected{}, err
	}
	cluster := partition.Of(own)
	expected, err := found.Expected(cluster)
	if err != nil {
		return nil, expected, err
	}
	k, rows := l.Clusters, confidence.Evenly(len(cluster), confidence.MostLogits/l.Clusters)
	z, err := l.AllLogits(ctx, &matrix.Subset{Features: d.Features, Rows: rows}, d.Workers)
	if err != nil {
		return nil, expected, err
	}
	h := ensemble.Of(l)
	switch {
	case k > few:
		likely := make([]float64, len(rows))
		for e, i := range rows {
			likely[e] = expected.likely[i]
		}
		if h.Flat, err = flat(ctx, z, k, likely, d.Workers); err != nil {
			return nil, expected, err
		}
		if h.Flat > 0 {
			h.Power = confidence.Power
		}
	case found.penalised():
		unseen, err := regression.OutOfFold(ctx, d, partition.Classes(found.Cluster))
		if err != nil {
			return nil, expected, err
		}
		z = append(z, unseen...) // as many: few clusters of at most mostRows rows have fewer than confidence.MostLogits
	}
	return h, expected, confidence.Calibrate(ctx, l, z, expected.Share, float64(h.Flat), d.Workers)
}

// flat is the flat share that the witnesses' agreement with each row asks for, found on at most some thousand of the rows with logits z.
func flat(ctx context.Context, z []float32, k int, likely []float64, workers int) (float32, error) {
	const most, numbers = 10_000, 1 << 22
	rows := confidence.Evenly(len(likely), min(most, numbers/k))
	own, some := make([]float32, len(rows)*k), make([]float64, len(rows))
	for e, i := range rows {
		copy(own[e*k:(e+1)*k], z[int(i)*k:])
		some[e] = likely[i]
	}
	shape, err := confidence.Fit(ctx, own, k, some, workers)
	return float32(shape.Flat), err
}
