package knn

import (
	"context"
	"fmt"
	"math"

	"iconic/internal/parallel"
)

const (
	sampleRows    = 256 // rows whose exact neighbours determine the number of probes, and as many others that measure the recall
	mostProbes    = 64  // probes stored for all rows at once; more are computed again, chunk by chunk
	enough        = 0.95
	goal          = 0.97 // recall to choose probes for, so that another sample reaches enough, too
	queryRows     = 128
	memberRows    = 1024
	trainingRows  = 32 // rows per list, for k-means
	seedingRows   = 8  // of these, for k-means++
	trainingSteps = 8
	stripes       = 1024 // locks for the candidates of rows
)

// Approximate finds most of the K nearest neighbours of every row, and measures on a random sample the share of true neighbours that it
// found: a neighbour counts if it is no farther than the true K-th. Distances are exact; only rows may be missing. It fails as Exact does.
//
// K-means puts the rows into lists. Each row is compared only with those in the lists of its p nearest centroids (inverted lists: Jégou et
// al. 2011, sec. IV), by products of all rows that probe a list with all rows in it. Each pair compared counts for both of its rows, so two
// neighbours miss each other only if neither probes the other's list. p is the smallest number that reaches Options.Recall on a sample: the
// positions of a row's list and of its true neighbours' lists in each other's order show what each p would find. If less than the share
// enough is found for a second sample, on which Recall is measured, p grows until it is. The less structure the data have, the more lists
// are needed. If comparing all rows costs no more than that, all are compared, and the graph is exact. Compared gives the share.
func Approximate(ctx context.Context, f Features, o Options) (*Graph, error) {
	o, err := o.forLists(f.Len())
	if err != nil {
		return nil, err
	}
	s, err := newSearch(ctx, f, o)
	if err != nil {
		return nil, err
	}
	l := &lists{search: s}
	if err := l.train(ctx); err != nil {
		return nil, err
	}
	if err := l.order(ctx); err != nil {
		return nil, err
	}
	tuning, trial := l.samples()
	truth, err := s.exactRows(ctx, tuning)
	if err != nil {
		return nil, err
	}
	if err := l.choose(ctx, tuning, truth); err != nil {
		return nil, err
	}
	if truth, err = s.exactRows(ctx, trial); err != nil {
		return nil, err
	}
	for {
		if l.everything() {
			l.release()
			return s.exact(ctx)
		}
		if err := l.compare(ctx); err != nil {
			return nil, err
		}
		g, err := s.rank(ctx, nil, false)
		if err != nil {
			return nil, err
		}
		g.Recall, g.Compared = g.recall(trial, truth), l.share
		if g.Recall >= min(enough, o.Recall) || l.most() {
			return g, nil
		}
		l.probes = min(l.limit(), l.probes+l.probes/4+1)
	}
}

// forLists checks the options of Approximate and sets the defaults.
func (o Options) forLists(n int) (Options, error) {
	o, err := o.checked(n)
	if err != nil {
		return o, err
	}
	if o.Lists == 0 {
		o.Lists = min(max(1, int(2*math.Sqrt(float64(n)))), n)
	}
	if o.Lists < 1 || o.Lists > n {
		return o, fmt.Errorf("lists %d of %d rows: want at least 1 and at most the number of rows", o.Lists, n)
	}
	if o.Recall == 0 {
		o.Recall = goal
	}
	if o.Probes < 0 {
		return o, fmt.Errorf("probes %d: want a number of lists, or 0 for as many as needed", o.Probes)
	}
	if !(o.Recall > 0 && o.Recall <= 1) {
		return o, fmt.Errorf("recall %g: want a number above 0 and at most 1", o.Recall)
	}
	return o, nil
}

// exactRows returns the exact graph of some rows.
func (s *search) exactRows(ctx context.Context, rows []int32) (*Graph, error) {
	some := *s
	some.best = newLists(len(rows), s.keep)
	if err := s.compareRows(ctx, rows, some.best, func(e int) int { return e }); err != nil {
		return nil, err
	}
	return some.rank(ctx, rows, true)
}

// compareRows fills best[place(e)] with the nearest rows of rows[e] among all rows.
func (s *search) compareRows(ctx context.Context, rows []int32, best []bestList, place func(e int) int) error {
	// Each block reads all features once. The neighbours of a row do not depend on its block.
	size := max(1, min(512, parallel.Count(len(rows), parallel.Workers(s.options.Workers))))
	return parallel.Blocks(ctx, s.options.Workers, len(rows), size, func(_, lo, hi int) error {
		t := &tile{own: make([]float32, size*s.d), other: make([]float32, memberRows*s.d), scores: make([]float32, size*memberRows)}
		own, other := rows[lo:hi], make([]int32, 0, memberRows)
		if err := s.gather(t.own, own); err != nil {
			return err
		}
		limit := make([]float32, size)
		for e := range own {
			limit[e] = worstScore
			b := &best[place(lo+e)]
			b.candidates = b.candidates[:0]
		}
		for from := 0; from < s.n; from += memberRows {
			if err := ctx.Err(); err != nil {
				return err
			}
			to := min(s.n, from+memberRows)
			other = other[:0]
			for j := from; j < to; j++ {
				other = append(other, int32(j))
			}
			if err := s.read(t.other, from, to); err != nil {
				return err
			}
			t.score(s, own, other, func(e int, scores []float32) {
				limit[e] = best[place(lo+e)].addAll(limit[e], own[e], other, scores)
			})
		}
		return nil
	})
}

// recall is the share of the K neighbours of the given rows that are no farther than the true K-th.
func (g *Graph) recall(rows []int32, truth *Graph) float64 {
	found := 0
	for e, i := range rows {
		border := truth.Distances[(e+1)*g.K-1]
		for _, d := range g.Distances[int(i)*g.K : (int(i)+1)*g.K] {
			if d <= border {
				found++
			}
		}
	}
	return float64(found) / float64(len(rows)*g.K)
}
