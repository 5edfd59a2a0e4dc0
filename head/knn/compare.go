package knn

import (
	"context"
	"slices"
	"sync"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// compare fills best from the lists that each row probes, in tiles that depend only on the lists. A list of the best does not depend on the
// order of its candidates, so neither does the result. If more lists are probed than stored, rows are processed in chunks, for which the
// lists are computed again, and a pair counts for the probing row alone.
func (l *lists) compare(ctx context.Context) error {
	members := invert(l.home, 1, 1, l.options.Lists, 0)
	l.allocate()
	threshold := make([]float32, l.n)
	for i := range threshold {
		threshold[i] = worstScore
	}
	if l.probes > l.tried {
		l.ordered = nil
	}
	chunk := l.n
	if l.ordered == nil {
		chunk = max(1, min(l.n, int(int64(l.n)*mostProbes/int64(l.probes))))
	}
	chunks := parallel.Count(l.n, chunk)
	pairs := 0.0
	for c := range chunks {
		from, to := c*chunk, min(l.n, (c+1)*chunk)
		var queries *inverse
		if l.ordered != nil {
			queries = invert(l.ordered, l.tried, l.probes, l.options.Lists, 0)
		} else {
			nearest, err := l.nearest(ctx, from, to)
			if err != nil {
				return err
			}
			queries = invert(nearest, l.probes, l.probes, l.options.Lists, from)
		}
		for list := range l.options.Lists {
			pairs += float64(len(members.of(list))) * float64(len(queries.of(list)))
		}
		if err := l.chunk(ctx, members, queries, threshold, c, chunks); err != nil {
			return err
		}
	}
	l.share = pairs / float64(l.n) / float64(l.n)
	return l.complete(ctx)
}

// nearest returns the lists that rows from to to−1 probe, unordered: the nearest ones, ties to the lowest index.
func (l *lists) nearest(ctx context.Context, from, to int) ([]int32, error) {
	all := make([]int32, (to-from)*l.probes)
	var pool sync.Pool
	err := l.centroidsOf(ctx, from, to, func(i int, scores []float32) {
		sorted, _ := pool.Get().(*[]float32)
		if sorted == nil {
			sorted = new([]float32)
		}
		defer pool.Put(sorted)
		*sorted = append((*sorted)[:0], scores...)
		border := largest(*sorted, l.probes)
		own, at, ties := all[(i-from)*l.probes:(i-from+1)*l.probes], 0, l.probes
		for _, score := range scores {
			if score > border {
				ties--
			}
		}
		for c, score := range scores {
			if score > border || score == border && ties > 0 {
				if score == border {
					ties--
				}
				own[at] = int32(c)
				at++
			}
		}
	})
	return all, err
}

// largest returns the k-th largest of x, 1 ≤ k ≤ len(x), and reorders x (Hoare's selection, with the median of three as pivot).
func largest(x []float32, k int) float32 {
	lo, hi, want := 0, len(x)-1, k-1
	for lo < hi {
		a, b, c := x[lo], x[lo+(hi-lo)/2], x[hi]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := lo, hi
		for i <= j {
			for x[i] > pivot {
				i++
			}
			for x[j] < pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case want <= j:
			hi = j
		case want >= i:
			lo = i
		default:
			return x[want]
		}
	}
	return x[want]
}

// chunk compares the probing rows with the members of their lists.
func (l *lists) chunk(ctx context.Context, members, queries *inverse, threshold []float32, c, chunks int) error {
	best := &shared{lists: l.best, threshold: threshold}
	var progress sync.Mutex
	done := c * l.options.Lists
	var pool sync.Pool
	return parallel.Blocks(ctx, l.options.Workers, l.options.Lists, 1, func(list, _, _ int) error {
		t, _ := pool.Get().(*tile)
		if t == nil {
			t = newTile(l.d)
		}
		defer pool.Put(t)
		in, asking := members.of(list), queries.of(list)
		for m := 0; m < len(in); m += memberRows {
			other := in[m:min(len(in), m+memberRows)]
			if err := l.gather(t.other, other); err != nil {
				return err
			}
			for q := 0; q < len(asking); q += queryRows {
				if err := ctx.Err(); err != nil {
					return err
				}
				own := asking[q:min(len(asking), q+queryRows)]
				if err := l.gather(t.own, own); err != nil {
					return err
				}
				limits := best.limits(t.limits, other)
				t.score(l.search, own, other, func(e int, scores []float32) {
					i := own[e]
					best.addAll(i, other, scores)
					if l.ordered == nil {
						return
					}
					for k, score := range scores {
						if j := other[k]; score >= limits[k] && j != i && l.counts(i, j) {
							limits[k] = best.add(j, candidate{score, i})
						}
					}
				})
			}
		}
		if l.options.Progress != nil {
			progress.Lock()
			done++
			l.options.Progress(done, chunks*l.options.Lists)
			progress.Unlock()
		}
		return nil
	})
}

// complete compares the rows whose lists held too few candidates with all rows.
func (l *lists) complete(ctx context.Context) error {
	var short []int32
	for i := range l.best {
		if len(l.best[i].candidates) < l.options.K {
			short = append(short, int32(i))
		}
	}
	return l.compareRows(ctx, short, l.best, func(e int) int { return int(short[e]) })
}

// inverse lists the rows that probe each list.
type inverse struct {
	offset []int
	rows   []int32
}

func (v *inverse) of(list int) []int32 { return v.rows[v.offset[list]:v.offset[list+1]] }

// invert turns the first lists of each row's width lists into the rows of each list, ascending. Row e of ordered is row from+e.
func invert(ordered []int32, width, first, lists, from int) *inverse {
	n := len(ordered) / width
	v := &inverse{make([]int, lists+1), make([]int32, n*first)}
	for e := range n {
		for _, c := range ordered[e*width : e*width+first] {
			v.offset[c+1]++
		}
	}
	for c := range lists {
		v.offset[c+1] += v.offset[c]
	}
	at := slices.Clone(v.offset)
	for e := range n {
		for _, c := range ordered[e*width : e*width+first] {
			v.rows[at[c]] = int32(from + e)
			at[c]++
		}
	}
	return v
}

// shared are the best of all rows, filled by several goroutines.
type shared struct {
	lists     []bestList
	threshold []float32 // scores below which a row accepts nothing more
	locks     [stripes]sync.Mutex
}

// add offers a candidate to row i, and returns the row's threshold.
func (s *shared) add(i int32, c candidate) float32 {
	lock := &s.locks[i%stripes]
	lock.Lock()
	defer lock.Unlock()
	s.threshold[i] = s.lists[i].add(c)
	return s.threshold[i]
}

// addAll offers rows to row i, which is not its own neighbour.
func (s *shared) addAll(i int32, rows []int32, scores []float32) {
	lock := &s.locks[i%stripes]
	lock.Lock()
	defer lock.Unlock()
	s.threshold[i] = s.lists[i].addAll(s.threshold[i], i, rows, scores)
}

// limits writes the thresholds of rows into dst. They may be higher by the time they are used, and are never lower.
func (s *shared) limits(dst []float32, rows []int32) []float32 {
	dst = dst[:len(rows)]
	for k, i := range rows {
		lock := &s.locks[i%stripes]
		lock.Lock()
		dst[k] = s.threshold[i]
		lock.Unlock()
	}
	return dst
}

// tile is the working memory of one goroutine: the probing rows, the list's rows and their thresholds, and the scores.
type tile struct{ own, other, limits, scores []float32 }

func newTile(d int) *tile {
	return &tile{make([]float32, queryRows*d), make([]float32, memberRows*d), make([]float32, memberRows), make([]float32, queryRows*memberRows)}
}

// score calls take with the scores of each own row with all others.
func (t *tile) score(s *search, own, other []int32, take func(e int, scores []float32)) {
	width := len(other)
	kernel.MulTransB(t.scores, width, t.own, s.d, t.other, s.d, len(own), s.d, width, false)
	for e, i := range own {
		scores := t.scores[e*width : (e+1)*width]
		if s.options.Metric == Euclidean {
			for k, j := range other {
				scores[k] -= s.norm[i] + s.norm[j]
			}
		}
		take(e, scores)
	}
}

// addAll offers the rows to the list of row i, which is not its own neighbour.
func (b *bestList) addAll(limit float32, i int32, rows []int32, scores []float32) float32 {
	for e, score := range scores {
		if score >= limit && rows[e] != i {
			limit = b.add(candidate{score, rows[e]})
		}
	}
	return limit
}
