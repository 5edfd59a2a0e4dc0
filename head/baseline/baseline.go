package baseline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"iconic/head/confidence"
	"iconic/head/kmeans"
	"iconic/head/partition"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	starts, startsOfMany = 3, 1 // of k-means, with up to Rows rows and with more
	splits, splitsOfMany = 4, 1 // random splits of the columns into halves

	fewestRows     = 10_000 // rows used at least, if there are as many
	rowsOfCluster  = 64     // rows per cluster at least, if there are as many
	mostLogits     = 1 << 24
	halfIterations = 30
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
	rows := draw(f.Len(), max(fewestRows, rowsOfCluster*o.Clusters), o.Seed)
	if b.Expected, err = b.expected(ctx, &matrix.Subset{Features: f, Rows: rows}, rows, o); err != nil {
		return nil, err
	}
	return b, b.temper(ctx, f, rows, o)
}

// draw returns all n rows, or most of them drawn at random, in order, if n is larger.
func draw(n, most int, seed uint64) []int32 {
	drawn := rand.New(rand.NewPCG(seed, 0x726f7773)).Perm(n)[:min(n, most)]
	slices.Sort(drawn)
	rows := make([]int32, len(drawn))
	for k, i := range drawn {
		rows[k] = int32(i)
	}
	return rows
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
	halves := halves(part.Dim(), times, o.Seed)
	agreement := make([]float64, len(halves))
	var mutex sync.Mutex
	done := 0
	err := parallel.Blocks(ctx, o.Workers, len(halves), 1, func(h, _, _ int) error {
		r, err := kmeans.Cluster(ctx, &matrix.Columns{Features: part, Columns: halves[h]}, kmeans.Options{
			Clusters: o.Clusters, Starts: 1, MaxIterations: halfIterations, Still: 0.002, Seed: o.Seed + uint64(h) + 1, Workers: 1,
		})
		if err != nil {
			return err
		}
		agreement[h], err = partition.Agreement(own, r.Assignment, o.Clusters)
		if mutex.Lock(); o.Halves != nil {
			done++
			o.Halves(done, len(halves))
		}
		mutex.Unlock()
		return err
	})
	sum := 0.0
	for _, a := range agreement {
		sum += a
	}
	return sum / float64(len(halves)), err
}

// halves divides d columns into two at random, several times. A single column is its own half.
func halves(d, times int, seed uint64) [][]int {
	var list [][]int
	for s := range times {
		columns := rand.New(rand.NewPCG(seed, 0x68616c66+uint64(s))).Perm(d)
		middle := max(1, d/2)
		slices.Sort(columns[:middle])
		slices.Sort(columns[middle:])
		if list = append(list, columns[:middle]); middle < d {
			list = append(list, columns[middle:])
		}
	}
	return list
}

// temper finds the scale at which the mean confidence of rows is the expected accuracy.
func (b *Baseline) temper(ctx context.Context, f matrix.Features, rows []int32, o Options) error {
	k := b.Clusters
	if most := max(1, mostLogits/k); len(rows) > most {
		rows = rows[:most]
	}
	z := make([]float32, len(rows)*k)
	const block = 1024
	err := parallel.Blocks(ctx, o.Workers, len(rows), block, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*b.Dim)
		if err := f.Gather(x, rows[lo:hi]); err != nil {
			return err
		}
		return b.Logits(z[lo*k:hi*k], x, hi-lo, 1/float64(b.Dim))
	})
	if err != nil {
		return fmt.Errorf("confidence of k-means: %w", err)
	}
	s, err := confidence.Scale(ctx, z, k, b.Expected, o.Workers)
	b.Scale = s / float64(b.Dim)
	return err
}

// Probabilities writes, for n rows x (n×Dim), the tempered posterior over clusters into dst (n×Clusters).
func (b *Baseline) Probabilities(dst, x []float32, n int) error {
	return b.Tempered(dst, x, n, b.Scale)
}
