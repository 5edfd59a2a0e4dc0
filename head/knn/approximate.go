package knn

import (
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
	sampleRows    = 256 // whose exact neighbours choose the number of probes, and as many others that measure the recall
	mostProbes    = 64
	queryRows     = 128
	memberRows    = 1024
	trainingRows  = 32 // of each list, for k-means
	seedingRows   = 8  // of those, for k-means++
	trainingSteps = 8
	stripes       = 1024 // locks that guard the candidates of rows
)

// Approximate finds most of the K nearest neighbours of every row, and measures on a random sample which share of the true
// ones it found: a neighbour counts where it lies no farther than the true K-th. Distances are exact; what may be missing is
// a row. It fails as Exact does.
//
// Rows are put into lists by k-means. A row is compared with those in the lists of its p nearest centroids alone (inverted
// lists: Jégou et al. 2011, sec. IV), by products of all rows that ask for a list with all that are in it. p is the least that
// reaches Options.Recall on a sample: where the true neighbours of a row lie in the order of its lists shows what each p would
// find. No p above 64 is tried; so on data without any structure the recall falls short of the goal, as Recall then shows.
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
	l.choose(tuning, truth)
	if err := l.compare(ctx); err != nil {
		return nil, err
	}
	g, err := s.rank(ctx, nil)
	if err != nil {
		return nil, err
	}
	if truth, err = s.exactRows(ctx, trial); err != nil {
		return nil, err
	}
	g.Recall = g.recall(trial, truth)
	return g, nil
}

// forLists checks the options of Approximate and fills in the defaults.
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
		return o, fmt.Errorf("lists %d of %d rows: want at least 1 and no more than there are rows", o.Lists, n)
	}
	if o.Recall == 0 {
		o.Recall = 0.97
	}
	if !(o.Recall > 0 && o.Recall <= 1) {
		return o, fmt.Errorf("recall %g: want a number above 0 and up to 1", o.Recall)
	}
	return o, nil
}

// lists is the state of one Approximate call beside its search.
type lists struct {
	*search
	centroids []float32 // Lists×d
	half      []float32 // ½‖c‖²
	ordered   []int32   // n×tried: the lists of each row, nearest first; a row lives in its first
	tried     int       // probes remembered
	probes    int       // probes made
}

// subset shows some rows of a search's features, as its products need them, to k-means.
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

// gather gives the named rows as the products need them: of length 1 under Cosine.
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

// draw gives m of n rows, ascending (Floyd's algorithm).
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

// samples draws the rows for tuning and, apart from them as far as there are enough rows, those for the trial.
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

// order fills ordered: the nearest centroids of each row, by x·c − ½‖c‖².
func (l *lists) order(ctx context.Context) error {
	count := l.options.Lists
	l.tried = min(count, mostProbes)
	l.ordered = make([]int32, l.n*l.tried)
	var pool sync.Pool
	return parallel.Blocks(ctx, l.options.Workers, l.n, queryRows, func(_, lo, hi int) error {
		t, _ := pool.Get().(*tile)
		if t == nil {
			t = &tile{own: make([]float32, queryRows*l.d), scores: make([]float32, queryRows*count)}
		}
		defer pool.Put(t)
		x, scores := t.own, t.scores
		if err := l.read(x, lo, hi); err != nil {
			return err
		}
		kernel.MulTransB(scores, count, x, l.d, l.centroids, l.d, hi-lo, l.d, count, false)
		best := bestList{make([]candidate, 0, l.tried)}
		for i := lo; i < hi; i++ {
			best.candidates = best.candidates[:0]
			limit := float32(worstScore)
			for c, product := range scores[(i-lo)*count : (i-lo+1)*count] {
				if score := product - l.half[c]; score >= limit {
					limit = best.add(candidate{score, int32(c)})
				}
			}
			for e, c := range best.candidates {
				l.ordered[i*l.tried+e] = c.row
			}
		}
		return nil
	})
}

// choose sets probes to the least number that finds the wanted share of the sample's true neighbours.
func (l *lists) choose(sample []int32, truth *Graph) {
	found := make([]int, l.tried) // true neighbours whose list is a row's e-th
	for e, i := range sample {
		lists := l.ordered[int(i)*l.tried : (int(i)+1)*l.tried]
		for _, j := range truth.Row(e) {
			if at := slices.Index(lists, l.ordered[int(j)*l.tried]); at >= 0 {
				found[at]++
			}
		}
	}
	wanted := l.options.Recall * float64(len(truth.Neighbours))
	sum := 0
	for l.probes = 0; l.probes < l.tried && (l.probes == 0 || float64(sum) < wanted); l.probes++ {
		sum += found[l.probes]
	}
}

// compare fills best from the lists that each row probes. A pair is scored once for each side, in tiles that depend on the
// lists alone, and a list of the best does not depend on the order in which it met them; so neither does the result.
func (l *lists) compare(ctx context.Context) error {
	members, queries := l.invert(1), l.invert(l.probes)
	l.ordered = nil // the largest array but the features; the candidates come in its place
	l.allocate()
	threshold := make([]float32, l.n)
	for i := range threshold {
		threshold[i] = worstScore
	}
	var locks [stripes]sync.Mutex
	var progress sync.Mutex
	done := 0
	var pool sync.Pool
	err := parallel.Blocks(ctx, l.options.Workers, l.options.Lists, 1, func(list, _, _ int) error {
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
				t.score(l.search, own, other, func(e int, scores []float32) {
					i := own[e]
					lock := &locks[i%stripes]
					lock.Lock()
					threshold[i] = l.best[i].addAll(threshold[i], i, other, scores)
					lock.Unlock()
				})
			}
		}
		if l.options.Progress != nil {
			progress.Lock()
			done++
			l.options.Progress(done, l.options.Lists)
			progress.Unlock()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return l.complete(ctx)
}

// complete compares with everything those rows whose lists held too few.
func (l *lists) complete(ctx context.Context) error {
	var short []int32
	for i := range l.best {
		if len(l.best[i].candidates) < l.options.K {
			short = append(short, int32(i))
		}
	}
	return l.compareRows(ctx, short, l.best, func(e int) int { return int(short[e]) })
}

// inverse names the rows that ask for each list.
type inverse struct {
	offset []int
	rows   []int32
}

func (v *inverse) of(list int) []int32 { return v.rows[v.offset[list]:v.offset[list+1]] }

// invert turns the first so many lists of each row into the rows of each list, ascending.
func (l *lists) invert(first int) *inverse {
	v := &inverse{make([]int, l.options.Lists+1), make([]int32, l.n*first)}
	for i := range l.n {
		for _, c := range l.ordered[i*l.tried : i*l.tried+first] {
			v.offset[c+1]++
		}
	}
	for c := range l.options.Lists {
		v.offset[c+1] += v.offset[c]
	}
	at := slices.Clone(v.offset)
	for i := range l.n {
		for _, c := range l.ordered[i*l.tried : i*l.tried+first] {
			v.rows[at[c]] = int32(i)
			at[c]++
		}
	}
	return v
}

// tile is the scratch of one goroutine: rows that ask, rows that answer, and their scores.
type tile struct{ own, other, scores []float32 }

func newTile(d int) *tile {
	return &tile{make([]float32, queryRows*d), make([]float32, memberRows*d), make([]float32, queryRows*memberRows)}
}

// score gives take the scores of each own row with all others.
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

// exactRows is the exact graph of some rows alone.
func (s *search) exactRows(ctx context.Context, rows []int32) (*Graph, error) {
	some := *s
	some.best = newLists(len(rows), s.keep)
	if err := s.compareRows(ctx, rows, some.best, func(e int) int { return e }); err != nil {
		return nil, err
	}
	return some.rank(ctx, rows)
}

// compareRows fills best[place(e)] with the nearest rows of rows[e], out of all.
func (s *search) compareRows(ctx context.Context, rows []int32, best []bestList, place func(e int) int) error {
	const size = 64 // of a block; each block reads all features once
	return parallel.Blocks(ctx, s.options.Workers, len(rows), size, func(_, lo, hi int) error {
		t := newTile(s.d)
		own, other := rows[lo:hi], make([]int32, 0, memberRows)
		if err := s.gather(t.own, own); err != nil {
			return err
		}
		var limit [size]float32
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

// recall is the share of the K neighbours of the named rows that lie no farther than the true K-th.
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
