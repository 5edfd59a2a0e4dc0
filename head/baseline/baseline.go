package baseline

import (
	"context"
	"fmt"

	"iconic/head/confidence"
	"iconic/head/kmeans"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	starts, startsOfMany = 3, 1 // of k-means, with up to Rows rows and with more
	splits, splitsOfMany = 4, 1 // random splits of the columns into halves

	mostLogits = 1 << 24
)

// Rows is the largest number of rows in which k-means searches for centroids. Larger sets are sampled, from one start and with one split of the
// columns, so that the baseline costs a small part of the training, which samples as many.
const Rows = 100_000

// Options are the settings of a baseline.
type Options struct {
	Clusters int
	Seed     uint64
	Workers  int // goroutines; all processors when < 1. It does not change the result.

	Progress func(done, total int) // of k-means: starts × iterations; may be nil
	Halves   func(done, total int) // of the partitions in halves of the features; may be nil
}

// Baseline is k-means, the best of three starts (of one with more than Rows rows), with a confidence calibrated without labels.
type Baseline struct {
	*kmeans.Result
	Expected float64 // expected accuracy, to which the mean confidence was scaled; from 0 to 1
	Scale    float64 // factor on the posterior's logits that achieves this

	tempered *kmeans.Posterior
}

// Clusters computes the clustering alone, with the unscaled posterior of k-means.
func Clusters(ctx context.Context, f matrix.Features, o Options) (*kmeans.Result, error) {
	how := kmeans.Options{Clusters: o.Clusters, Starts: starts, Seed: o.Seed, Workers: o.Workers, Progress: o.Progress}
	if f.Len() > Rows {
		how.Rows, how.Still, how.Starts = Rows, 1e-3, startsOfMany
	}
	return kmeans.Cluster(ctx, f, how)
}

// Cluster computes the baseline of features, n×d with n ≥ Clusters. It fails as kmeans.Cluster does.
func Cluster(ctx context.Context, f matrix.Features, o Options) (*Baseline, error) {
	r, err := Clusters(ctx, f, o)
	if err != nil {
		return nil, err
	}
	b := &Baseline{Result: r}
	rows := confidence.Sample(f.Len(), o.Clusters, o.Seed)
	if b.Expected, err = b.expected(ctx, &matrix.Subset{Features: f, Rows: rows}, rows, o); err != nil {
		return nil, err
	}
	return b, b.temper(ctx, f, rows, o)
}

// expected is the mean agreement of the clustering with k-means in halves of the columns of part, which has the given rows.
func (b *Baseline) expected(ctx context.Context, part matrix.Features, rows []int32, o Options) (float64, error) {
	own := make([]int32, len(rows))
	for k, i := range rows {
		own[k] = b.Assignment[i]
	}
	times := splits
	if len(b.Assignment) > Rows {
		times = splitsOfMany
	}
	return confidence.Halves{Clusters: o.Clusters, Splits: times, Starts: 1, Seed: o.Seed, Workers: o.Workers, Progress: o.Halves}.Agreement(ctx, part, own)
}

// temper finds the scale at which the mean confidence of rows is the expected accuracy.
func (b *Baseline) temper(ctx context.Context, f matrix.Features, rows []int32, o Options) error {
	k := b.Clusters
	some := confidence.Evenly(len(rows), mostLogits/k)
	for e, i := range some {
		some[e] = rows[i]
	}
	z := make([]float32, len(some)*k)
	posterior := b.Posterior(1 / float64(b.Dim))
	const block = 1024
	err := parallel.Blocks(ctx, o.Workers, len(some), block, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*b.Dim)
		if err := f.Gather(x, some[lo:hi]); err != nil {
			return err
		}
		return posterior.Logits(z[lo*k:hi*k], x, hi-lo)
	})
	if err != nil {
		return fmt.Errorf("confidence of k-means: %w", err)
	}
	s, err := confidence.Scale(ctx, z, k, b.Expected, 0, o.Workers)
	if err != nil {
		return err
	}
	b.Scale = s / float64(b.Dim)
	b.tempered = b.Posterior(b.Scale)
	return nil
}

// Probabilities writes, for n rows x (n×Dim), the tempered posterior over clusters into dst (n×Clusters).
func (b *Baseline) Probabilities(dst, x []float32, n int) error {
	return b.tempered.Probabilities(dst, x, n)
}
