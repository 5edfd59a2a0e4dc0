package directions

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"iconic/head/confidence"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/matrix"
	"iconic/head/method"
	"iconic/head/regression"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/internal/kernel"
)

// Name of the method.
const Name = "direction-mixture"

// mostRows is how many rows clusters are looked for in. Of a larger set so many are drawn at random, and the head that learns their clusters sorts
// the others.
const mostRows = 200_000

// Methods are those of this package.
func Methods() []method.Method { return []method.Method{mixtures{}} }

type mixtures struct{}

// About implements method.Method.
func (mixtures) About() method.About {
	return method.About{
		Name:        Name,
		Supervisory: "one's own cluster, softly, on whitened directions averaged over neighbours",
		Learned:     "the same, with learned proportions",
		Mapper:      "cluster assignment, then linear",
		Equation:    "−1/n Σ_i ln Σ_c π_c exp(κ μ_c·v_i), |μ_c| = 1",
		Source:      "Banerjee et al. 2005; probabilistic k-means of I-Con app., on directions",
		Purpose:     "the default: clusters of any size, with a confidence set to the accuracy that is to be expected",
		Closed:      true,
	}
}

// Recipe implements method.Method.
func (mixtures) Recipe(int) method.Recipe {
	return &Recipe{
		Scaling:       method.Scaling{Standardize: true},
		Neighbourhood: method.Neighbourhood{Neighbours: 10, Metric: knn.Cosine, Search: knn.SearchAuto},
		Sizes:         SizesAuto,
	}
}

// Recipe are the settings of the method.
type Recipe struct {
	method.Scaling
	method.Neighbourhood
	Sizes Sizes
}

// Settings implements method.Recipe.
func (r *Recipe) Settings() setting.List {
	return setting.Join(r.Scaling.Settings(), setting.List{
		method.SearchSetting(&r.Search),
		setting.Choice("sizes", &r.Sizes, "how far clusters may differ in size; auto chooses by what random halves of the features agree on", SizesAuto, SizesFree, SizesBalanced).
			Unchanging("where clusters are alike in size, all give the same"),
	})
}

// Resolve implements method.Recipe.
func (r *Recipe) Resolve(n int) ([]string, error) {
	r.Neighbours = max(1, min(r.Neighbours, n-1))
	return r.Neighbourhood.Resolve(n)
}

// Learn implements method.Recipe: it finds clusters, teaches them to a linear head, and scales that to be as sure, in the mean, as it is to be
// expected to be right.
func (r *Recipe) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	part, notes, err := r.sample(ctx, d)
	if err != nil {
		return nil, err
	}
	o := Options{Clusters: d.Clusters, Sizes: r.Sizes, Seed: d.Seed, Workers: d.Workers}
	if told := d.Run.Progress; told != nil {
		o.Progress = func(done, total int) { told(done, total, 0) }
	}
	found, err := Find(ctx, part.Features, part.Graph, o)
	if err != nil {
		return nil, err
	}
	classes := make([]int, len(found.Cluster))
	for i, c := range found.Cluster {
		classes[i] = int(c)
	}
	l, err := regression.Clusters(ctx, part, "head of the clusters", classes, epochs(len(classes)))
	if err != nil {
		return nil, err
	}
	expected, err := calibrate(ctx, l, part, found)
	if err != nil {
		return nil, err
	}
	if err := d.Run.Record(train.Epoch{Epoch: 1, Step: 1, Loss: -found.Likelihood}); err != nil {
		return nil, err
	}
	notes = append(notes, found.Sentence(), fmt.Sprintf("accuracy to be expected: %.0f %%, as cruder clusterings agree (%.0f %% with halves of the features, %.0f %% with k-means); faults that all of them share cannot be seen",
		100*expected.Share, 100*expected.Halves, 100*expected.Plain))
	return &method.Outcome{Head: l, Loss: -found.Likelihood, Notes: notes, Expected: expected.Share}, nil
}

// epochs is how often a head that learns the clusters of n rows sees each: a small set more often, a large one less.
func epochs(n int) int {
	const least, enough, seen = 600, 3000, 3 // steps, and epochs
	steps := max(1, regression.PerEpoch(n, regression.Batch))
	return max(least/steps, min(regression.Epochs, max(seen, enough/steps)))
}

// sample is d, or where that has more than mostRows rows as many drawn at random.
func (r *Recipe) sample(ctx context.Context, d *method.Data) (*method.Data, []string, error) {
	n := d.Features.Len()
	if n <= mostRows {
		return d, nil, nil
	}
	rows := make([]int32, 0, mostRows)
	for _, i := range rand.New(rand.NewPCG(d.Seed, 0x73616d706c65)).Perm(n)[:mostRows] {
		rows = append(rows, int32(i))
	}
	slices.Sort(rows)
	part := *d
	part.Features, part.Raw = &rowsOf{d.Features, rows}, &rowsOf{d.Raw, rows}
	var err error
	part.Graph, err = r.Search.Find(ctx, part.Features, knn.Options{K: neighboursWhitening, Metric: knn.Cosine, Workers: d.Workers, Seed: d.Seed})
	return &part, []string{fmt.Sprintf("clusters were looked for in %d of %d images, drawn at random; the head sorts the others", mostRows, n)}, err
}

// rowsOf is some rows of features.
type rowsOf struct {
	matrix.Features
	rows []int32
}

func (r *rowsOf) Len() int { return len(r.rows) }

func (r *rowsOf) Block(dst []float32, lo, hi int) error { return r.Features.Gather(dst, r.rows[lo:hi]) }

func (r *rowsOf) Gather(dst []float32, rows []int32) error {
	named := make([]int32, len(rows))
	for e, i := range rows {
		named[e] = r.rows[i]
	}
	return r.Features.Gather(dst, named)
}

// calibrate scales l to be as sure, in the mean, as the accuracy to be expected of it.
func calibrate(ctx context.Context, l *linear.Head, d *method.Data, found *Found) (Expected, error) {
	const rows = 4096
	n, k := d.Features.Len(), l.Clusters
	z, x, cluster := make([]float32, n*k), make([]float32, min(rows, n)*l.Dim), make([]int32, n)
	for lo := 0; lo < n; lo += rows {
		m := min(rows, n-lo)
		if err := d.Features.Block(x[:m*l.Dim], lo, lo+m); err != nil {
			return Expected{}, err
		}
		if err := l.Logits(ctx, z[lo*k:], x, m, d.Workers); err != nil {
			return Expected{}, err
		}
	}
	for i := range cluster {
		cluster[i] = int32(linear.ArgMax(z[i*k : (i+1)*k]))
	}
	expected, err := found.Expected(ctx, d.Raw, cluster)
	if err != nil {
		return expected, err
	}
	s, err := confidence.Scale(ctx, z, k, expected.Share, d.Workers)
	if err != nil {
		return expected, err
	}
	kernel.Scale(l.Weight, float32(s))
	kernel.Scale(l.Bias, float32(s))
	return expected, nil
}
