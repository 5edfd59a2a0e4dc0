package confidence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"iconic/head/kmeans"
	"iconic/head/partition"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	fewestRows     = 10_000 // rows of a sample at least, if there are as many
	rowsOfCluster  = 64     // rows per cluster at least, if there are as many
	halfIterations = 30
)

// Sample returns the rows that represent n rows of a number of clusters: all, or at least 10,000 and 64 per cluster, drawn at random from the
// seed, in order.
func Sample(n, clusters int, seed uint64) []int32 {
	return matrix.RandomRows(rand.New(rand.NewPCG(seed, 0x726f7773)), n, min(n, max(fewestRows, rowsOfCluster*clusters)))
}

// Evenly returns at most that many of n rows, at least one, at equal distances: the first rows of a set may be all of one class.
func Evenly(n, most int) []int32 {
	rows := make([]int32, min(n, max(1, most)))
	for e := range rows {
		rows[e] = int32(e * n / len(rows))
	}
	return rows
}

// MostLogits is the largest number of logits that a calibration should keep, 512 MB: those of all rows, or Evenly of them.
const MostLogits = 1 << 27

// Halves are clusterings by k-means of random halves of the columns of features, with which a partition is compared.
type Halves struct {
	Clusters int
	Splits   int // random splits of the columns, of two halves each
	Starts   int // k-means runs on a half, of which the one with the lowest error counts
	Seed     uint64
	Workers  int                   // goroutines; all processors when < 1. It does not change the result.
	Progress func(done, total int) // of the halves; may be nil
}

// Agreement is the mean agreement of a partition of the rows of f with the halves, from 0 to 1: the share of rows that two partitions assign
// alike under the best one-to-one matching of their clusters. It fails without a split, and as kmeans.Cluster does.
func (h Halves) Agreement(ctx context.Context, f matrix.Features, cluster []int32) (float64, error) {
	if h.Splits < 1 {
		return 0, fmt.Errorf("confidence: %d random splits of the columns: want at least 1", h.Splits)
	}
	halves := h.columns(f.Dim())
	agreement := make([]float64, len(halves))
	var mutex sync.Mutex
	done := 0
	err := parallel.Blocks(ctx, h.Workers, len(halves), 1, func(e, _, _ int) error {
		r, err := kmeans.Cluster(ctx, &matrix.Columns{Features: f, Columns: halves[e]}, kmeans.Options{
			Clusters: h.Clusters, Starts: h.Starts, MaxIterations: halfIterations, Still: 0.002, Seed: h.Seed + uint64(e) + 1, Workers: parallel.Each(h.Workers, len(halves)),
		})
		if err != nil {
			return err
		}
		agreement[e], err = partition.Agreement(cluster, r.Assignment, h.Clusters)
		if mutex.Lock(); h.Progress != nil {
			done++
			h.Progress(done, len(halves))
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

// columns divides d columns into two at random, several times. A single column is its own half.
func (h Halves) columns(d int) [][]int {
	var list [][]int
	for s := range h.Splits {
		columns := rand.New(rand.NewPCG(h.Seed, 0x68616c66+uint64(s))).Perm(d)
		middle := max(1, d/2)
		slices.Sort(columns[:middle])
		slices.Sort(columns[middle:])
		if list = append(list, columns[:middle]); middle < d {
			list = append(list, columns[middle:])
		}
	}
	return list
}
