package knn

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"iconic/head/kmeans"
	"iconic/internal/kernel"
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
	s := &search{features: f, options: o, n: f.Len(), d: f.Dim(), keep: min(o.K+spare, f.Len()-1)}
	if err := s.measure(ctx); err != nil {
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

// forLists checks the options of Approximate and sets the defaults.
func (o Options) forLists(n int) (Options, error) {
	if o.Metric == "" {
		o.Metric = Cosine
	}
	if err := o.check(n); err != nil {
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
