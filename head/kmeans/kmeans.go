package kmeans

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/matrix"
	"iconic/internal/centred"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// Features is what is clustered: matrix.Features.
type Features = matrix.Features

// Options are the settings of a clustering.
type Options struct {
	Clusters      int     // 1 to the number of rows
	Starts        int     // independent seedings, of which the one of least inertia is kept; 3 when < 1
	MaxIterations int     // Lloyd steps of each start; 100 when < 1
	Tolerance     float64 // a start ends when a step lowers the inertia by less than this share; 1e-5 when ≤ 0
	MiniBatch     int     // rows of a step (Sculley 2010); 0: all rows, Lloyd's algorithm
	SeedRows      int     // rows per cluster, drawn at random, that k-means++ chooses from; 256 when < 1
	Workers       int     // goroutines; all processors when < 1
	Seed          uint64
	// Progress, when set, is told how many of all starts × iterations are done.
	Progress func(done, total int)
}

// Result is a clustering.
type Result struct {
	Clusters, Dim int
	Centroids     []float32 // Clusters×Dim
	Assignment    []int32   // the nearest centroid of each row, ties to the lowest
	Inertia       float64   // Σ of squared distances of rows to their centroids
	Iterations    int       // Lloyd steps of the start that was kept
}

const (
	blockRows   = 512
	mostStripes = 16
)

// Cluster finds Clusters centroids of least inertia. A cluster that loses all its rows is given the row farthest from its
// own centroid. It fails on more clusters than rows, and on features that are not finite, naming the row.
func Cluster(ctx context.Context, f Features, o Options) (*Result, error) {
	o = o.withDefaults()
	if o.Clusters < 1 || o.Clusters > f.Len() {
		return nil, fmt.Errorf("k-means: %d clusters of %d rows: want at least 1 and no more than there are rows", o.Clusters, f.Len())
	}
	frame, err := centred.Measure(ctx, f, o.Workers)
	if err != nil {
		return nil, err
	}
	l := newLloyd(frame, o)
	if err := l.measure(ctx); err != nil {
		return nil, err
	}
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
	frame.Back(best.Centroids)
	best.Inertia /= frame.Scale * frame.Scale
	return best, nil
}

func (o Options) withDefaults() Options {
	if o.Starts < 1 {
		o.Starts = 3
	}
	if o.MaxIterations < 1 {
		o.MaxIterations = 100
	}
	if o.SeedRows < 1 {
		o.SeedRows = 256
	}
	if o.Tolerance <= 0 {
		o.Tolerance = 1e-5
	}
	return o
}

// lloyd is the state of a clustering; its buffers serve every start.
type lloyd struct {
	features   Features
	options    Options
	n, d, k    int
	stripe     int       // rows of a stripe, a multiple of blockRows
	square     []float32 // ‖x‖² of each row
	centroids  []float32
	half       []float32 // ½‖c‖² of each centroid
	assignment []int32
	distance   []float32 // squared distance of each row to its centroid
	stripes    []stripe
}

// stripe gathers the sums of a range of rows.
type stripe struct {
	sum     []float64 // clusters×dim
	count   []int
	inertia float64
}

func newLloyd(f Features, o Options) *lloyd {
	l := &lloyd{features: f, options: o, n: f.Len(), d: f.Dim(), k: o.Clusters}
	l.stripe = max(1, parallel.Count(parallel.Count(l.n, mostStripes), blockRows)) * blockRows
	l.square, l.distance = make([]float32, l.n), make([]float32, l.n)
	l.assignment = make([]int32, l.n)
	l.centroids, l.half = make([]float32, l.k*l.d), make([]float32, l.k)
	l.stripes = make([]stripe, parallel.Count(l.n, l.stripe))
	for s := range l.stripes {
		l.stripes[s] = stripe{sum: make([]float64, l.k*l.d), count: make([]int, l.k)}
	}
	return l
}

// blocks calls work for every block of rows, one goroutine a stripe, in row order within a stripe.
func (l *lloyd) blocks(ctx context.Context, work func(s, lo, hi int, x []float32) error) error {
	return parallel.Blocks(ctx, l.options.Workers, l.n, l.stripe, func(s, lo, hi int) error {
		x := make([]float32, min(blockRows, hi-lo)*l.d)
		for ; lo < hi; lo += blockRows {
			end := min(hi, lo+blockRows)
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := l.features.Block(x[:(end-lo)*l.d], lo, end); err != nil {
				return fmt.Errorf("features of rows %d to %d: %w", lo, end, err)
			}
			if err := work(s, lo, end, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// measure fills square.
func (l *lloyd) measure(ctx context.Context) error {
	return l.blocks(ctx, func(_, lo, hi int, x []float32) error {
		for i := lo; i < hi; i++ {
			l.square[i] = kernel.SquaredNorm(x[(i-lo)*l.d : (i-lo+1)*l.d])
		}
		return nil
	})
}

// run seeds once and iterates to the end.
func (l *lloyd) run(ctx context.Context, start int) (*Result, error) {
	r := rand.New(rand.NewPCG(l.options.Seed, uint64(start)))
	if err := l.seed(ctx, r); err != nil {
		return nil, err
	}
	inertia, iterations := math.Inf(1), 0
	for iterations < l.options.MaxIterations {
		var err error
		if l.options.MiniBatch > 0 && l.options.MiniBatch < l.n {
			err = l.miniBatchStep(ctx, r, iterations)
		} else {
			err = l.assign(ctx)
		}
		if err != nil {
			return nil, err
		}
		iterations++
		if l.options.Progress != nil {
			l.options.Progress(start*l.options.MaxIterations+iterations, l.options.Starts*l.options.MaxIterations)
		}
		if l.options.MiniBatch > 0 && l.options.MiniBatch < l.n {
			continue
		}
		last := inertia
		inertia = l.total()
		if last-inertia <= l.options.Tolerance*inertia {
			break
		}
		l.update()
	}
	if err := l.assign(ctx); err != nil {
		return nil, err
	}
	return &Result{
		Clusters: l.k, Dim: l.d,
		Centroids:  append([]float32(nil), l.centroids...),
		Assignment: append([]int32(nil), l.assignment...),
		Inertia:    l.total(), Iterations: iterations,
	}, nil
}

// assign gives every row to its nearest centroid and gathers the sums of the new clusters.
func (l *lloyd) assign(ctx context.Context) error {
	for c := range l.k {
		l.half[c] = kernel.SquaredNorm(l.centroids[c*l.d:(c+1)*l.d]) / 2
	}
	for s := range l.stripes {
		clear(l.stripes[s].sum)
		clear(l.stripes[s].count)
		l.stripes[s].inertia = 0
	}
	scratch := make([][]float32, len(l.stripes))
	return l.blocks(ctx, func(s, lo, hi int, x []float32) error {
		if scratch[s] == nil {
			scratch[s] = make([]float32, blockRows*l.k)
		}
		scores := scratch[s]
		kernel.MulTransB(scores, l.k, x, l.d, l.centroids, l.d, hi-lo, l.d, l.k, false)
		to := &l.stripes[s]
		for i := lo; i < hi; i++ {
			c := nearest(scores[(i-lo)*l.k:(i-lo+1)*l.k], l.half)
			l.assignment[i] = int32(c)
			to.count[c]++
			// The distance is measured again: the difference of large products would drown a small one.
			sum, centroid, square := to.sum[c*l.d:(c+1)*l.d], l.centroids[c*l.d:(c+1)*l.d], 0.0
			for e, v := range x[(i-lo)*l.d : (i-lo+1)*l.d] {
				sum[e] += float64(v)
				square += float64(v-centroid[e]) * float64(v-centroid[e])
			}
			l.distance[i] = float32(square)
			to.inertia += square
		}
		return nil
	})
}

// nearest maximises x·c − ½‖c‖², which is ½‖x‖² − ½‖x−c‖²; ties go to the lowest centroid.
func nearest(products, half []float32) int {
	best, at := float32(math.Inf(-1)), 0
	for c, p := range products {
		if v := p - half[c]; v > best {
			best, at = v, c
		}
	}
	return at
}

// total is the inertia of the last assignment.
func (l *lloyd) total() float64 {
	sum := 0.0
	for s := range l.stripes {
		sum += l.stripes[s].inertia
	}
	return sum
}

// update moves every centroid to the mean of its rows; one without rows takes over the row that lies farthest out.
func (l *lloyd) update() {
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
			l.adopt(c, taken)
			continue
		}
		for e, v := range mean {
			l.centroids[c*l.d+e] = float32(v / float64(count))
		}
	}
}

// adopt makes the farthest row not yet taken the centroid of c.
func (l *lloyd) adopt(c int, taken map[int]bool) {
	far, at := float32(-1), 0
	for i, d := range l.distance {
		if d > far && !taken[i] {
			far, at = d, i
		}
	}
	taken[at] = true
	// A row that could be read a moment ago; were it not, the centroid stays where it is.
	_ = l.features.Gather(l.centroids[c*l.d:(c+1)*l.d], []int32{int32(at)})
}

// miniBatchStep moves centroids towards the rows of one random batch, each by 1/(rows it has seen) (Sculley 2010).
func (l *lloyd) miniBatchStep(ctx context.Context, r *rand.Rand, iteration int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if iteration == 0 {
		for s := range l.stripes {
			clear(l.stripes[s].count)
		}
	}
	b := l.options.MiniBatch
	rows := make([]int32, b)
	for i := range rows {
		rows[i] = int32(r.IntN(l.n))
	}
	x, scores := make([]float32, b*l.d), make([]float32, b*l.k)
	if err := l.features.Gather(x, rows); err != nil {
		return err
	}
	for c := range l.k {
		l.half[c] = kernel.SquaredNorm(l.centroids[c*l.d:(c+1)*l.d]) / 2
	}
	err := parallel.Blocks(ctx, l.options.Workers, b, blockRows, func(_, lo, hi int) error {
		kernel.MulTransB(scores[lo*l.k:], l.k, x[lo*l.d:], l.d, l.centroids, l.d, hi-lo, l.d, l.k, false)
		return nil
	})
	if err != nil {
		return err
	}
	seen := l.stripes[0].count
	for i := range b {
		c := nearest(scores[i*l.k:(i+1)*l.k], l.half)
		seen[c]++
		rate := 1 / float32(seen[c])
		centroid := l.centroids[c*l.d : (c+1)*l.d]
		for e, v := range x[i*l.d : (i+1)*l.d] {
			centroid[e] += rate * (v - centroid[e])
		}
	}
	return nil
}
