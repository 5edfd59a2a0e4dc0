package kmeans

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// tolerance is the share by which a step must lower the inertia; a start ends with one that does not.
const tolerance = 1e-5

// Options are the settings of a clustering.
type Options struct {
	Clusters      int     // 1 to the number of rows
	Starts        int     // independent seedings, of which the one with the lowest inertia is kept; 3 when < 1
	MaxIterations int     // Lloyd steps of each start; 100 when < 1
	Still         float64 // a start also ends when a step moves at most this share of the rows to another cluster
	Rows          int     // largest number of rows, drawn at random, that determine the centroids; at the end all rows join the nearest; all when < 1
	SeedRows      int     // rows per cluster, drawn at random, that k-means++ chooses from; when < 1, 256 up to 100 clusters, and the same total for more, but at least 16 each
	Workers       int     // goroutines; all processors when < 1
	Seed          uint64
	// Progress, if set, receives the number of iterations done and the total, starts × iterations.
	Progress func(done, total int)
}

// Result is a clustering.
type Result struct {
	Clusters, Dim int
	Centroids     []float32 // Clusters×Dim
	Assignment    []int32   // the nearest centroid of each row up to rounding in float32, ties to the lowest index
	Inertia       float64   // Σ of squared distances of rows to their centroids
	Iterations    int       // Lloyd steps of the start that was kept
}

// Cluster finds the Clusters centroids with the lowest inertia. A cluster that loses all its rows gets the row farthest from its own
// centroid. It fails on more clusters than rows, and on features that are not finite, naming the row.
func Cluster(ctx context.Context, f matrix.Features, o Options) (*Result, error) {
	o = o.withDefaults()
	if err := o.check(f.Len()); err != nil {
		return nil, err
	}
	rows, err := read(ctx, f, o.Workers)
	if err != nil {
		return nil, err
	}
	if o.Rows > 0 && o.Rows < rows.n {
		return o.inSample(ctx, rows)
	}
	l := newLloyd(rows, o)
	var best *Result
	for start := range o.Starts {
		r, err := l.run(ctx, start)
		if err != nil {
			return nil, err
		}
		if best == nil || r.Inertia < best.Inertia {
			best = r
		}
	}
	rows.back(best)
	return best, nil
}

// inSample finds centroids in a sample of the rows, and assigns all rows to the nearest.
func (o Options) inSample(ctx context.Context, all *rows) (*Result, error) {
	part := o
	part.Rows = 0
	drawn := matrix.RandomRows(rand.New(rand.NewPCG(o.Seed, 0x726f7773)), all.n, max(o.Rows, o.Clusters))
	found, err := Cluster(ctx, &matrix.Subset{Features: all.frame, Rows: drawn}, part)
	if err != nil {
		return nil, err
	}
	l := newLloyd(all, o)
	copy(l.centroids, found.Centroids)
	if err := l.assign(ctx); err != nil {
		return nil, err
	}
	found.Assignment, found.Inertia = l.assignment, l.total()
	all.back(found)
	return found, nil
}

// Runs returns all o.Starts clusterings, in the order of their seedings, of which Cluster keeps the best. They run in parallel, and
// share o.Workers.
func Runs(ctx context.Context, f matrix.Features, o Options) ([]*Result, error) {
	o = o.withDefaults()
	if err := o.check(f.Len()); err != nil {
		return nil, err
	}
	rows, err := read(ctx, f, o.Workers)
	if err != nil {
		return nil, err
	}
	alone := o
	alone.Workers, alone.Progress = parallel.Each(o.Workers, o.Starts), nil
	all := make([]*Result, o.Starts)
	var mu sync.Mutex
	done := 0
	err = parallel.Blocks(ctx, o.Workers, o.Starts, 1, func(start, _, _ int) (err error) {
		if all[start], err = newLloyd(rows, alone).run(ctx, start); err != nil {
			return err
		}
		rows.back(all[start])
		if o.Progress != nil {
			mu.Lock()
			defer mu.Unlock()
			done += o.MaxIterations
			o.Progress(done, o.Starts*o.MaxIterations)
		}
		return nil
	})
	return all, err
}

func (o Options) check(n int) error {
	if o.Clusters < 1 || o.Clusters > n {
		return fmt.Errorf("k-means: %d clusters of %d rows: want at least 1 and at most the number of rows", o.Clusters, n)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Starts < 1 {
		o.Starts = 3
	}
	if o.MaxIterations < 1 {
		o.MaxIterations = 100
	}
	if o.SeedRows < 1 {
		o.SeedRows = max(16, 256*100/max(100, o.Clusters)) // the cost of seeding grows with the square of the clusters
	}
	return o
}

// lloyd is the state of a clustering; all starts share its buffers.
type lloyd struct {
	*rows
	options    Options
	k          int
	centroids  []float32
	half       []float32 // ½‖c‖² of each centroid
	groups     *groups   // the centroids, packed for products
	assignment []int32   // −1: none yet
	distance   []float32 // squared distance of each row to its centroid
	far        float32   // rows whose squared length is more than so many times their distance are compared directly (farFrom)
	bounds     *bounds   // nil: every row is compared with every centroid
	stripes    []stripe
}

// stripe accumulates the sums of a range of rows. They are kept from one assignment to the next, and rows that change their cluster move.
type stripe struct {
	sum     []float64 // clusters×dim
	count   []int
	moved   int // rows that changed their cluster
	inertia float64

	comparison *comparison
}

func newLloyd(r *rows, o Options) *lloyd {
	l := &lloyd{rows: r, options: o, k: o.Clusters, far: farFrom(r.d)}
	l.distance, l.assignment = make([]float32, l.n), make([]int32, l.n)
	l.centroids, l.half = make([]float32, l.k*l.d), make([]float32, l.k)
	l.groups = newGroups(l.k, l.d)
	l.groups.cut(min(mostSpans, max(1, inMemory/l.n)))
	l.stripes = make([]stripe, parallel.Count(l.n, l.stripe))
	for s := range l.stripes {
		l.stripes[s] = stripe{sum: make([]float64, l.k*l.d), count: make([]int, l.k)}
	}
	l.clear()
	return l
}

// clear takes all rows out of their clusters.
func (l *lloyd) clear() {
	for i := range l.assignment {
		l.assignment[i] = -1
	}
	for s := range l.stripes {
		clear(l.stripes[s].sum)
		clear(l.stripes[s].count)
	}
}

// run seeds once and iterates until it converges.
func (l *lloyd) run(ctx context.Context, start int) (*Result, error) {
	r := rand.New(rand.NewPCG(l.options.Seed, uint64(start)))
	if err := l.seed(ctx, r); err != nil {
		return nil, err
	}
	l.clear()
	if l.bounds == nil {
		l.bounds = newBounds(l)
	} else {
		l.bounds.known = false // those of the last start
	}
	inertia, iterations, settled := math.Inf(1), 0, false
	for !settled && iterations < l.options.MaxIterations {
		if err := l.assign(ctx); err != nil {
			return nil, err
		}
		iterations++
		if l.options.Progress != nil {
			l.options.Progress(start*l.options.MaxIterations+iterations, l.options.Starts*l.options.MaxIterations)
		}
		last := inertia
		inertia = l.total()
		settled = last-inertia <= tolerance*inertia || iterations > 1 && float64(l.moved()) <= l.options.Still*float64(l.n)
		if !settled {
			if err := l.update(); err != nil {
				return nil, err
			}
		}
	}
	if !settled { // the centroids have moved since the last assignment
		if err := l.assign(ctx); err != nil {
			return nil, err
		}
	}
	return &Result{
		Clusters: l.k, Dim: l.d,
		Centroids:  append([]float32(nil), l.centroids...),
		Assignment: append([]int32(nil), l.assignment...),
		Inertia:    l.total(), Iterations: iterations,
	}, nil
}

// assign gives every row to its nearest centroid and brings the sums of the clusters up to date.
func (l *lloyd) assign(ctx context.Context) error {
	for c := range l.k {
		l.half[c] = kernel.SquaredNorm(l.centroids[c*l.d:(c+1)*l.d]) / 2
	}
	l.groups.pack(l.centroids, l.half)
	for s := range l.stripes {
		l.stripes[s].inertia, l.stripes[s].moved = 0, 0
	}
	largest := 2 * kernel.Max(l.half)
	return l.each(ctx, l.options.Workers, func(s, lo, hi int, x []float32) error {
		to := &l.stripes[s]
		if to.comparison == nil {
			to.comparison = newComparison(l)
		}
		to.comparison.block(l, lo, hi, x, largest)
		to.comparison.compare(l, lo, x, largest)
		for _, e := range to.comparison.open {
			i, row := lo+int(e), x[int(e)*l.d:(int(e)+1)*l.d]
			c, distance := l.chosen(to.comparison, i, e, row, largest)
			if old := l.assignment[i]; old != c {
				to.move(l, row, old, c)
			}
			l.assignment[i], l.distance[i] = c, distance
		}
		for i := lo; i < hi; i++ {
			to.inertia += float64(l.distance[i])
		}
		return nil
	})
}

// move takes a row from cluster old, −1 for none, to cluster c.
func (s *stripe) move(l *lloyd, row []float32, old, c int32) {
	s.moved++
	s.count[c]++
	kernel.AddTo(s.sum[int(c)*l.d:(int(c)+1)*l.d], row)
	if old < 0 {
		return
	}
	s.count[old]--
	less := s.comparison.x[:l.d] // no longer in use
	for e, v := range row {
		less[e] = -v
	}
	kernel.AddTo(s.sum[int(old)*l.d:(int(old)+1)*l.d], less)
}

// to is the squared distance of a row to a centroid, computed directly: the difference of large products would lose a small one.
func (l *lloyd) to(row []float32, c int32) float32 {
	return kernel.SquaredDistance(row, l.centroids[int(c)*l.d:(int(c)+1)*l.d])
}

// moved is the number of rows that the last assignment moved to another cluster.
func (l *lloyd) moved() int {
	moved := 0
	for s := range l.stripes {
		moved += l.stripes[s].moved
	}
	return moved
}

// total is the inertia of the last assignment.
func (l *lloyd) total() float64 {
	sum := 0.0
	for s := range l.stripes {
		sum += l.stripes[s].inertia
	}
	return sum
}

// update moves every centroid to the mean of its rows; a centroid without rows moves to the row farthest from its centroid.
func (l *lloyd) update() error {
	if l.bounds != nil {
		copy(l.bounds.before, l.centroids)
		defer l.bounds.drift(l)
	}
	mean := make([]float64, l.d)
	var taken map[int]bool
	for c := range l.k {
		clear(mean)
		count := 0
		for s := range l.stripes {
			count += l.stripes[s].count[c]
			for e, v := range l.stripes[s].sum[c*l.d : (c+1)*l.d] {
				mean[e] += v
			}
		}
		if count == 0 {
			if taken == nil {
				taken = make(map[int]bool)
			}
			if err := l.adopt(c, taken); err != nil {
				return err
			}
			continue
		}
		for e, v := range mean {
			l.centroids[c*l.d+e] = float32(v / float64(count))
		}
	}
	return nil
}

// adopt makes the farthest row not yet used the centroid of c.
func (l *lloyd) adopt(c int, taken map[int]bool) error {
	far, at := float32(-1), 0
	for i, d := range l.distance {
		if d > far && !taken[i] {
			far, at = d, i
		}
	}
	taken[at] = true
	return l.gather(l.centroids[c*l.d:(c+1)*l.d], []int32{int32(at)})
}
