package tsne

import (
	"context"
	"fmt"
	"math"
	"slices"

	"iconic/head/knn"
	"iconic/head/perplexity"
	"iconic/head/train"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Options are the settings of a layout; zero values mean the defaults.
type Options struct {
	Perplexity   float64 // 30 when 0; at most MostPerplexity
	Iterations   int     // 750 when 0
	Exaggeration float64 // exaggeration of p over the first third, at most 250 iterations; 12 when 0
	Angle        float64 // angle of the Barnes-Hut approximation, 0 to 1; 0.5 when 0
	Metric       knn.Metric
	Search       knn.Search // neighbour search; auto when empty
	Workers      int
	Progress     func(done, total int)
	// Run, if set, is the training of which the layout is a phase, so that it can be interrupted and resumed. The run then reports
	// progress.
	Run *train.Run
}

// exactPairs is the largest number of points for which Layout's divergence is summed over all pairs; above it the tree gives the sum, as in
// every step.
const exactPairs = 20_000

const blockRows = 256

// MostPerplexity is the largest perplexity for n points: a third of the others, and at least 1, for the nearest neighbour alone.
func MostPerplexity(n int) float64 { return max(1, float64(n-1)/3) }

// Layout places n ≥ 2 rows of features in the plane: y is n×2, and kl is Σ p ln(p/q) over the neighbours' p, in nats. It fails on a
// perplexity too large for n, on features that are not finite, and with ctx's error.
func Layout(ctx context.Context, f matrix.Features, o Options) (y []float32, kl float64, err error) {
	n := f.Len()
	if n < 2 {
		return nil, 0, fmt.Errorf("map of %d points: want at least 2", n)
	}
	o = o.withDefaults(n)
	if most := MostPerplexity(n); !(o.Perplexity >= 1 && o.Perplexity <= most) {
		return nil, 0, fmt.Errorf("perplexity %g of %d points: want 1 to %g, a third of the others", o.Perplexity, n, math.Floor(most))
	}
	l := &layout{options: o, n: n}
	if err := l.neighbours(ctx, f); err != nil {
		return nil, 0, err
	}
	if l.y, err = start(ctx, f, o.Workers); err != nil {
		return nil, 0, err
	}
	if err := l.descend(ctx); err != nil {
		return nil, 0, err
	}
	kl, err = l.divergence(ctx)
	if err != nil {
		return nil, 0, err
	}
	y = make([]float32, 2*n)
	for i, v := range l.y {
		y[i] = float32(v)
	}
	return y, kl, nil
}

func (o Options) withDefaults(n int) Options {
	if o.Perplexity == 0 {
		o.Perplexity = min(30, MostPerplexity(n))
	}
	if o.Iterations == 0 {
		o.Iterations = 750
	}
	if o.Exaggeration == 0 {
		o.Exaggeration = 12
	}
	if o.Angle == 0 {
		o.Angle = 0.5
	}
	return o
}

// layout is the state of one call. Coordinates are float64: a map has few.
type layout struct {
	options Options
	n       int
	y       []float64 // n×2

	// The symmetric p, in sparse rows.
	offset []int
	column []int32
	weight []float64

	force, partial []float64
	tree           quadtree

	learner *train.Learner[float64]
	loss    []float64 // one number: the last computed divergence
}

// neighbours fills the symmetric p from 3·perplexity nearest neighbours of each point.
func (l *layout) neighbours(ctx context.Context, f matrix.Features) error {
	k := min(l.n-1, int(3*l.options.Perplexity))
	g, err := l.options.Search.Find(ctx, f, knn.Options{K: k, Metric: l.options.Metric, Workers: l.options.Workers})
	if err != nil {
		return err
	}
	directed := make([]float64, l.n*k)
	err = parallel.Blocks(ctx, l.options.Workers, l.n, blockRows, func(_, lo, hi int) error {
		squared := make([]float64, k)
		for i := lo; i < hi; i++ {
			for e, d := range g.Distances[i*k : (i+1)*k] {
				squared[e] = float64(d) * float64(d)
				if l.options.Metric == knn.Cosine || l.options.Metric == "" {
					squared[e] = 2 * float64(d) // distances of the points on the unit sphere
				}
			}
			if _, err := perplexity.Calibrate(directed[i*k:(i+1)*k], squared, min(l.options.Perplexity, float64(k))); err != nil {
				return fmt.Errorf("point %d: %w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.symmetrize(g, directed)
	return nil
}

// symmetrize adds p and its transpose, (p(j|i) + p(i|j))/2n.
func (l *layout) symmetrize(g *knn.Graph, directed []float64) {
	type entry struct {
		column int32
		weight float64
	}
	rows := make([][]entry, l.n)
	for i := range l.n {
		for e, j := range g.Row(i) {
			if int(j) == i { // the point has no neighbours
				continue
			}
			w := directed[i*g.K+e] / (2 * float64(l.n))
			rows[i] = append(rows[i], entry{j, w})
			rows[j] = append(rows[j], entry{int32(i), w})
		}
	}
	l.offset = []int{0}
	for _, row := range rows {
		slices.SortStableFunc(row, func(a, b entry) int { return int(a.column) - int(b.column) })
		for e, v := range row {
			if e > 0 && row[e-1].column == v.column {
				l.weight[len(l.weight)-1] += v.weight
				continue
			}
			l.column, l.weight = append(l.column, v.column), append(l.weight, v.weight)
		}
		l.offset = append(l.offset, len(l.column))
	}
}

// descend moves the points by gradient descent with momentum and a gain for each coordinate (Jacobs 1988), as in the paper; the rate
// n/exaggeration is that of Belkina et al. (2019).
func (l *layout) descend(ctx context.Context) error {
	o := l.options
	l.force, l.partial, l.loss = make([]float64, 2*l.n), make([]float64, parallel.Count(l.n, blockRows)), make([]float64, 1)
	l.learner = &train.Learner[float64]{Parameters: [][]float64{l.y}, Gradients: [][]float64{l.force}, Optimiser: newGains(l.n, l.early())}
	run := o.Run
	if run == nil {
		run = &train.Run{}
		if o.Progress != nil {
			run.Progress = func(done, total int, _ float64) { o.Progress(done, total) }
		}
	}
	rate := max(float64(l.n)/o.Exaggeration/4, 50)
	if err := train.Train(ctx, run, "map", l, train.Plan{Epochs: o.Iterations, Steps: 1, Rate: rate}); err != nil {
		return err
	}
	l.centre()
	return nil
}

// early is the number of steps with exaggeration.
func (l *layout) early() int { return min(250, l.options.Iterations/3) }

// Learners implements train.Task.
func (l *layout) Learners() []*train.Learner[float64] { return []*train.Learner[float64]{l.learner} }

// Propose implements train.Task: every step sees all points.
func (l *layout) Propose(*train.Batch) error { return nil }

// Kept implements train.Task.
func (l *layout) Kept() []train.Tensor { return []train.Tensor{{Name: "divergence", Float64: l.loss}} }

// Gradient implements train.Task. The loss is Σ p ln(p/q), computed only every few steps.
func (l *layout) Gradient(ctx context.Context, b *train.Batch, _ int) (float64, error) {
	const every = 50
	step := b.Epoch
	if step > 0 {
		l.centre()
	}
	exaggeration := 1.0
	if step < l.early() {
		exaggeration = l.options.Exaggeration
	}
	z, err := l.gradient(ctx, exaggeration)
	if err == nil && (step%every == 0 || step == l.options.Iterations-1) {
		l.loss[0] = l.apart(z)
	}
	return l.loss[0], err
}

// gains is gradient descent with momentum and a gain for each coordinate.
type gains struct {
	early          int // number of steps with low momentum
	velocity, gain []float64
	steps          [1]int64
}

func newGains(n, early int) *gains {
	g := &gains{early: early, velocity: make([]float64, 2*n), gain: make([]float64, 2*n)}
	for i := range g.gain {
		g.gain[i] = 1
	}
	return g
}

// Step implements optim.Optimiser.
func (o *gains) Step(parameters, gradients [][]float64, rate float64) {
	momentum := 0.8
	if int(o.steps[0]) < o.early {
		momentum = 0.5
	}
	o.steps[0]++
	y := parameters[0]
	for i, g := range gradients[0] {
		if (g > 0) == (o.velocity[i] > 0) {
			o.gain[i] = max(0.01, 0.8*o.gain[i])
		} else {
			o.gain[i] += 0.2
		}
		o.velocity[i] = momentum*o.velocity[i] - rate*o.gain[i]*g
		y[i] += o.velocity[i]
	}
}

// State implements optim.Optimiser.
func (o *gains) State([][]float64) ([][]float64, []int64) {
	return [][]float64{o.velocity, o.gain}, o.steps[:]
}

// gradient fills force with ∂L/∂y and returns Z, the sum of 1/(1+d²) over all pairs by the tree's approximation.
func (l *layout) gradient(ctx context.Context, exaggeration float64) (z float64, err error) {
	l.tree.build(l.y)
	repulsion := make([]float64, 2*l.n)
	err = parallel.Blocks(ctx, l.options.Workers, l.n, blockRows, func(b, lo, hi int) error {
		total := 0.0
		stack := make([]int32, 0, 256)
		for i := lo; i < hi; i++ {
			var z float64
			repulsion[2*i], repulsion[2*i+1], z, stack = l.tree.repel(l.y[2*i], l.y[2*i+1], l.options.Angle, stack)
			total += z
		}
		l.partial[b] = total
		return nil
	})
	if err != nil {
		return 0, err
	}
	z = -float64(l.n) // the sum includes each point itself, at distance 0
	for _, v := range l.partial {
		z += v
	}
	z = max(z, math.SmallestNonzeroFloat64)
	return z, parallel.Blocks(ctx, l.options.Workers, l.n, blockRows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			yx, yy := l.y[2*i], l.y[2*i+1]
			var fx, fy float64
			for e := l.offset[i]; e < l.offset[i+1]; e++ {
				j := l.column[e]
				dx, dy := yx-l.y[2*j], yy-l.y[2*j+1]
				w := l.weight[e] / (1 + dx*dx + dy*dy)
				fx += w * dx
				fy += w * dy
			}
			l.force[2*i] = 4 * (exaggeration*fx - repulsion[2*i]/z)
			l.force[2*i+1] = 4 * (exaggeration*fy - repulsion[2*i+1]/z)
		}
		return nil
	})
}

func (l *layout) centre() {
	var x, y float64
	for i := range l.n {
		x += l.y[2*i]
		y += l.y[2*i+1]
	}
	for i := range l.n {
		l.y[2*i] -= x / float64(l.n)
		l.y[2*i+1] -= y / float64(l.n)
	}
}

// divergence is Σ p ln(p/q) with Z summed over all pairs, or, above exactPairs points, by the tree's approximation.
func (l *layout) divergence(ctx context.Context) (float64, error) {
	if l.n > exactPairs {
		z, err := l.gradient(ctx, 1)
		return l.apart(z), err
	}
	err := parallel.Blocks(ctx, l.options.Workers, l.n, blockRows, func(b, lo, hi int) error {
		total := 0.0
		for i := lo; i < hi; i++ {
			for j := range l.n {
				dx, dy := l.y[2*i]-l.y[2*j], l.y[2*i+1]-l.y[2*j+1]
				total += 1 / (1 + dx*dx + dy*dy)
			}
		}
		l.partial[b] = total
		return nil
	})
	if err != nil {
		return 0, err
	}
	z := -float64(l.n)
	for _, v := range l.partial {
		z += v
	}
	return l.apart(z), nil
}

// apart is Σ p ln(p/q) for a given Z.
func (l *layout) apart(z float64) float64 {
	kl := 0.0
	for i := range l.n {
		for e := l.offset[i]; e < l.offset[i+1]; e++ {
			if p, j := l.weight[e], l.column[e]; p > 0 {
				dx, dy := l.y[2*i]-l.y[2*j], l.y[2*i+1]-l.y[2*j+1]
				kl += p * (math.Log(p) + math.Log(z*(1+dx*dx+dy*dy))) // a product of all three would underflow to 0 for a tiny p
			}
		}
	}
	return kl
}
