package knn

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"iconic/head/kmeans"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// lists is the state of an Approximate call, in addition to its search.
type lists struct {
	*search
	centroids []float32 // Lists×d
	half      []float32 // ½‖c‖²
	home      []int32   // the list of each row: its nearest
	ordered   []int32   // n×tried: the lists of each row, nearest first; nil if more are probed
	tried     int       // probes stored
	probes    int       // probes made
	share     float64   // products computed, as a share of n²
}

// limit is the largest number of probes allowed.
func (l *lists) limit() int {
	if l.options.Probes > 0 {
		return min(l.options.Probes, l.options.Lists)
	}
	return l.options.Lists
}

// most reports whether the number of probes is at its limit.
func (l *lists) most() bool { return l.probes >= l.limit() }

// everything reports whether so many lists are to be probed that comparing all pairs of rows, each once, costs no more. If there are few
// lists, comparing a row with all costs no more than choosing lists.
func (l *lists) everything() bool { return l.probes > mostProbes && 2*l.probes >= l.options.Lists }

// subset presents some rows of a search's features to k-means, in the form used for products.
type subset struct {
	*search
	rows []int32
}

func (s subset) Len() int { return len(s.rows) }
func (s subset) Dim() int { return s.d }
func (s subset) Block(dst []float32, lo, hi int) error {
	return s.gather(dst, s.rows[lo:hi])
}
func (s subset) Gather(dst []float32, rows []int32) error {
	named := make([]int32, len(rows))
	for e, r := range rows {
		named[e] = s.rows[r]
	}
	return s.gather(dst, named)
}

// gather reads the listed rows in the form used for products: of length 1 under Cosine.
func (s *search) gather(x []float32, rows []int32) error {
	x = x[:len(rows)*s.d]
	if err := s.frame.Gather(x, rows); err != nil {
		return fmt.Errorf("features of %d rows from %d on: %w", len(rows), rows[0], err)
	}
	if s.options.Metric == Cosine {
		for e, r := range rows {
			aim(x[e*s.d:(e+1)*s.d], s.norm[r])
		}
	}
	return nil
}

// train finds the centroids on a random sample.
func (l *lists) train(ctx context.Context) error {
	o := l.options
	r := rand.New(rand.NewPCG(o.Seed, 0))
	result, err := kmeans.Cluster(ctx, subset{l.search, draw(r, l.n, min(l.n, o.Lists*trainingRows))}, kmeans.Options{
		Clusters: o.Lists, Starts: 1, MaxIterations: trainingSteps, SeedRows: seedingRows, Workers: o.Workers, Seed: o.Seed,
	})
	if err != nil {
		return err
	}
	l.centroids = result.Centroids
	l.half = make([]float32, o.Lists)
	for c := range l.half {
		l.half[c] = kernel.SquaredNorm(l.centroids[c*l.d:(c+1)*l.d]) / 2
	}
	return nil
}

// draw returns m of n rows, ascending (Floyd's algorithm).
func draw(r *rand.Rand, n, m int) []int32 {
	seen := make(map[int32]struct{}, m)
	rows := make([]int32, 0, m)
	for i := n - m; i < n; i++ {
		row := int32(r.IntN(i + 1))
		if _, taken := seen[row]; taken {
			row = int32(i)
		}
		seen[row] = struct{}{}
		rows = append(rows, row)
	}
	slices.Sort(rows)
	return rows
}

// samples draws the rows for tuning and those for the trial, disjoint if there are enough rows.
func (l *lists) samples() (tuning, trial []int32) {
	r := rand.New(rand.NewPCG(l.options.Seed, 1))
	if l.n < 2*sampleRows {
		all := draw(r, l.n, min(l.n, sampleRows))
		return all, all
	}
	for e, row := range draw(r, l.n, 2*sampleRows) {
		if e%2 == 0 {
			tuning = append(tuning, row)
		} else {
			trial = append(trial, row)
		}
	}
	return tuning, trial
}

// order fills ordered, the nearest centroids of each row by x·c − ½‖c‖², and home.
func (l *lists) order(ctx context.Context) error {
	l.tried = min(l.limit(), mostProbes)
	l.ordered, l.home = make([]int32, l.n*l.tried), make([]int32, l.n)
	return l.centroidsOf(ctx, 0, l.n, func(i int, scores []float32) {
		best := bestList{make([]candidate, 0, l.tried)}
		limit := float32(worstScore)
		for c, score := range scores {
			if score >= limit {
				limit = best.add(candidate{score, int32(c)})
			}
		}
		for e, c := range best.candidates {
			l.ordered[i*l.tried+e] = c.row
		}
		l.home[i] = best.candidates[0].row
	})
}

// centroidsOf calls take with the scores x·c − ½‖c‖² of all centroids for each of the rows from to to−1, on several goroutines.
func (l *lists) centroidsOf(ctx context.Context, from, to int, take func(i int, scores []float32)) error {
	count := l.options.Lists
	var pool sync.Pool
	return parallel.Blocks(ctx, l.options.Workers, to-from, queryRows, func(_, lo, hi int) error {
		t, _ := pool.Get().(*tile)
		if t == nil {
			t = &tile{own: make([]float32, queryRows*l.d), scores: make([]float32, queryRows*count)}
		}
		defer pool.Put(t)
		if err := l.read(t.own, from+lo, from+hi); err != nil {
			return err
		}
		l.toCentroids(t, hi-lo)
		for e := range hi - lo {
			take(from+lo+e, t.scores[e*count:(e+1)*count])
		}
		return nil
	})
}

// toCentroids scores the tile's own rows against the centroids.
func (l *lists) toCentroids(t *tile, rows int) {
	count := l.options.Lists
	kernel.MulTransB(t.scores, count, t.own, l.d, l.centroids, l.d, rows, l.d, count, false)
	for e := range rows {
		kernel.AddScaled(t.scores[e*count:(e+1)*count], -1, l.half)
	}
}

// choose sets probes to the smallest number that finds the required share of the sample's true neighbours.
func (l *lists) choose(ctx context.Context, sample []int32, truth *Graph) error {
	count := l.options.Lists
	own := make([]int, count)    // true neighbours whose list is a row's e-th
	either := make([]int, count) // those for which it is, or the row's list is their e-th, whichever is nearer
	t := &tile{own: make([]float32, queryRows*l.d), scores: make([]float32, queryRows*count)}
	order, place := make([]int32, count), make([]int32, count)
	for lo := 0; lo < len(sample); lo += queryRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(len(sample), lo+queryRows)
		if err := l.gather(t.own, sample[lo:hi]); err != nil {
			return err
		}
		l.toCentroids(t, hi-lo)
		for e := lo; e < hi; e++ {
			scores := t.scores[(e-lo)*count : (e-lo+1)*count]
			for c := range order {
				order[c] = int32(c)
			}
			slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
			for at, c := range order {
				place[c] = int32(at)
			}
			for _, j := range truth.Row(e) {
				at := int(place[l.home[j]])
				own[at]++
				if back := slices.Index(l.stored(j), l.home[sample[e]]); back >= 0 {
					at = min(at, back)
				}
				either[at]++
			}
		}
	}
	wanted := l.options.Recall * float64(len(truth.Neighbours))
	if l.probes = fewest(either[:l.tried], wanted); l.probes > l.tried && l.tried < l.limit() {
		l.probes = max(l.tried+1, fewest(own[:l.limit()], wanted)) // so many are not stored, and pairs count for the probing row alone
	}
	l.probes = min(l.probes, l.limit())
	return nil
}

// fewest is the smallest number of found, at least one, whose sum reaches wanted; one more than all if none does.
func fewest(found []int, wanted float64) int {
	sum := 0
	for e, count := range found {
		if sum += count; float64(sum) >= wanted {
			return e + 1
		}
	}
	return len(found) + 1
}

// stored returns the stored lists of row i, nearest first.
func (l *lists) stored(i int32) []int32 { return l.ordered[int(i)*l.tried : (int(i)+1)*l.tried] }

// counts reports whether a pair that row i has found by probing counts for row j, too. If j probes the list of i, it finds the pair itself;
// if the lists that rows probe are not stored, that is unknown.
func (l *lists) counts(i, j int32) bool {
	return l.ordered != nil && !slices.Contains(l.stored(j)[:l.probes], l.home[i])
}

// release frees the memory that is not needed if all rows are compared.
func (l *lists) release() { l.ordered, l.home = nil, nil }
