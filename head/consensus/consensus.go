package consensus

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"iconic/head/ensemble"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/regression"
	"iconic/head/train"
	"iconic/internal/assignment"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// within is how many nats above the lowest loss a head may be and still count. With few clusters, a head in which two groups share one
// cluster is that much worse and only blurs the others; with a hundred, every head has such faults of its own, and all heads count.
const within = 0.01

// Voters returns the indices of the heads with nearly the lowest loss, in order. If they are fewer than two, or fewer than half of all, it
// returns only the head with the lowest loss.
func Voters(losses []float64) []int {
	best := train.Best(losses)
	var which []int
	for h, l := range losses {
		if l <= losses[best]+within {
			which = append(which, h)
		}
	}
	if len(which) <= 1 || 2*len(which) < len(losses) {
		return []int{best}
	}
	return which
}

// Said describes which of all heads vote, in a sentence without a full stop.
func Said(which []int, all int) string {
	switch {
	case len(which) == 1:
		return fmt.Sprintf("the losses of the %d heads differ too much for a vote: head %d, with the lowest loss, is kept", all, 1+which[0])
	case len(which) == all:
		return fmt.Sprintf("all %d heads vote: their losses are within %g nats of the lowest", all, within)
	}
	names := make([]string, len(which))
	for i, h := range which {
		names[i] = strconv.Itoa(1 + h)
	}
	last := len(names) - 1
	return fmt.Sprintf("heads %s and %s of %d vote: their losses are within %g nats of the lowest", strings.Join(names[:last], ", "), names[last], all, within)
}

// chosen returns the heads that vote.
func chosen(d *method.Data, all []*linear.Head, which []int) *voters {
	e := &voters{features: d.Features, clusters: d.Clusters, workers: d.Workers}
	for _, h := range which {
		e.heads = append(e.heads, all[h])
	}
	return e
}

// Vote returns the ensemble of the heads with nearly the lowest loss (Voters), at a temperature of 1, so that its confidence is that of their
// mean probabilities. Its clusters have the numbers of the head with the lowest loss.
func Vote(ctx context.Context, d *method.Data, all []*linear.Head, losses []float64) (*ensemble.Head, error) {
	which := Voters(losses)
	if len(which) == 1 {
		return ensemble.Of(all[which[0]]), nil
	}
	d.Run.Begin("vote")
	e := chosen(d, all, which)
	if err := e.align(ctx); err != nil {
		return nil, err
	}
	lead := e.order[slices.Index(which, train.Best(losses))]
	name := make([]int, e.clusters) // the ensemble's cluster for each cluster of the head with the lowest loss
	for c, from := range lead {
		name[from] = c
	}
	members := make([]*linear.Head, len(e.heads))
	for m, l := range e.heads {
		own := &linear.Head{Clusters: l.Clusters, Dim: l.Dim}
		for _, c := range name {
			from := e.order[m][c]
			own.Weight = append(own.Weight, l.Weight[from*l.Dim:(from+1)*l.Dim]...)
			own.Bias = append(own.Bias, l.Bias[from])
		}
		members[m] = own
	}
	return ensemble.New(members)
}

// Distil returns one linear head that learns what the heads with nearly the lowest loss (Voters) agree on; if there is no vote, it returns the
// head with the lowest loss. phase names its training in d's run.
func Distil(ctx context.Context, d *method.Data, phase string, all []*linear.Head, losses []float64) (*linear.Head, error) {
	which := Voters(losses)
	if len(which) == 1 {
		return all[which[0]], nil
	}
	e := chosen(d, all, which)
	if err := e.align(ctx); err != nil {
		return nil, err
	}
	classes, err := e.classes(ctx)
	if err != nil {
		return nil, err
	}
	const steps = 600
	l, err := regression.Clusters(ctx, d, phase, classes, regression.Epochs(d.Features.Len(), steps))
	if err != nil {
		return nil, err
	}
	return l, e.temper(ctx, l)
}

// voters is a set of heads whose clusters are aligned.
type voters struct {
	features matrix.Features
	clusters int
	workers  int
	heads    []*linear.Head
	order    [][]int // for each head, which of its clusters corresponds to cluster c of the ensemble
}

// mostSoft is the largest number of clusters whose probabilities are compared pair by pair; with more, most pairs have next to none in common.
const mostSoft = 2048

// align finds the order of each head's clusters.
func (e *voters) align(ctx context.Context) error {
	if e.clusters > mostSoft {
		return e.alignHard(ctx)
	}
	return e.alignSoft(ctx)
}

// alignHard aligns each head's most probable clusters with the vote on them, in memory proportional to the rows.
func (e *voters) alignHard(ctx context.Context) error {
	members := make([][]int32, len(e.heads))
	for h, l := range e.heads {
		own, err := l.Argmaxes(ctx, e.features, e.workers)
		if err != nil {
			return err
		}
		members[h] = partition.Of(own)
	}
	vote, err := partition.Vote(ctx, members, e.clusters, e.workers)
	if err != nil {
		return fmt.Errorf("consensus: %w", err)
	}
	e.order = make([][]int, len(members))
	for h, member := range members {
		if e.order[h], err = partition.Match(vote, member, e.clusters); err != nil {
			return fmt.Errorf("consensus: clusters of head %d cannot be aligned: %w", h, err)
		}
	}
	return nil
}

// alignSoft aligns each head's probabilities with those of the first head at first, and then, until nothing changes, with the ensemble's.
func (e *voters) alignSoft(ctx context.Context) error {
	order := make([][]int, len(e.heads))
	e.order = order
	for h := range order {
		order[h] = make([]int, e.clusters)
		for c := range order[h] {
			order[h][c] = c
		}
	}
	const rounds = 10 // two or three suffice
	for round := range rounds {
		together, err := e.together(ctx, round == 0)
		if err != nil {
			return err
		}
		changed := false
		for h := range e.heads {
			if slices.ContainsFunc(together[h], func(cost float64) bool { return cost-cost != 0 }) {
				return &linear.NumbersError{Numbers: "logits of the heads are"}
			}
			found, err := assignment.Solve(together[h], e.clusters, e.clusters)
			if err != nil {
				return fmt.Errorf("consensus: clusters of head %d cannot be aligned: %w", h, err)
			}
			changed = changed || !slices.Equal(found, order[h])
			order[h] = found
		}
		if !changed && round > 0 {
			break
		}
	}
	return nil
}

// together computes the overlap of each cluster of the current ensemble, or of the first head alone if first is set, with each cluster of
// every head, as costs to minimise: −Σ_i p_ic φᵐ_ic' (K×K for each head).
func (e *voters) together(ctx context.Context, first bool) ([][]float64, error) {
	heads := e.heads
	const most, numbers, rows = 8, 1 << 24, 256 // most parts of the rows, and most float32 numbers in all their sums
	n, k, d := e.features.Len(), e.clusters, e.features.Dim()
	cuts := min(most, max(1, numbers/(len(heads)*k*k)))
	sums := make([][][]float32, cuts)
	err := parallel.Blocks(ctx, e.workers, cuts, 1, func(cut, _, _ int) error {
		sums[cut] = make([][]float32, len(heads))
		for h := range heads {
			sums[cut][h] = make([]float32, k*k)
		}
		x, mean := make([]float32, rows*d), make([]float32, rows*k)
		own := newAssignments(len(heads), rows*k)
		end := n * (cut + 1) / cuts
		for lo := n * cut / cuts; lo < end; lo += rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			m := min(rows, end-lo)
			if err := e.features.Block(x[:m*d], lo, lo+m); err != nil {
				return err
			}
			own.of(heads, x, m)
			if first {
				copy(mean, own[0][:m*k])
			} else {
				own.mean(mean, e.order, m, k)
			}
			for h := range heads {
				kernel.MulTransA(sums[cut][h], k, mean, k, own[h], k, k, m, k, true)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	cost := make([][]float64, len(heads))
	for h := range heads {
		cost[h] = make([]float64, k*k)
		for _, cut := range sums {
			for c, v := range cut[h] {
				cost[h][c] -= float64(v)
			}
		}
	}
	return cost, nil
}

// assignments holds the probabilities of each head for some rows.
type assignments [][]float32

func newAssignments(heads, size int) assignments {
	a := make(assignments, heads)
	for h := range a {
		a[h] = make([]float32, size)
	}
	return a
}

// of fills in the heads' assignments of n rows x.
func (a assignments) of(heads []*linear.Head, x []float32, n int) {
	for h, l := range heads {
		l.Assignments(a[h], x, n)
	}
}

// mean writes the mean over the heads, with their clusters aligned by order.
func (a assignments) mean(dst []float32, order [][]int, n, k int) {
	share := 1 / float32(len(a))
	clear(dst[:n*k])
	for h, p := range a {
		for i := range n {
			own, row := dst[i*k:(i+1)*k], p[i*k:(i+1)*k]
			for c, from := range order[h] {
				own[c] += share * row[from]
			}
		}
	}
}

// each calls work with blocks of rows: their features and the ensemble's assignments.
func (e *voters) each(ctx context.Context, work func(block, lo int, x, p []float32)) error {
	k, d := e.clusters, e.features.Dim()
	return parallel.Blocks(ctx, e.workers, e.features.Len(), blockRows, func(block, lo, hi int) error {
		x, p := make([]float32, (hi-lo)*d), make([]float32, (hi-lo)*k)
		if err := e.features.Block(x, lo, hi); err != nil {
			return err
		}
		own := newAssignments(len(e.heads), (hi-lo)*k)
		own.of(e.heads, x, hi-lo)
		own.mean(p, e.order, hi-lo, k)
		work(block, lo, x, p)
		return nil
	})
}

const blockRows = 512 // rows of a block

// classes returns the clusters to which the ensemble assigns the rows.
func (e *voters) classes(ctx context.Context) ([]int, error) {
	k := e.clusters
	classes := make([]int, e.features.Len())
	err := e.each(ctx, func(_, lo int, _, p []float32) {
		for i := range len(p) / k {
			for c, share := range p[i*k : (i+1)*k] {
				if share > p[i*k+classes[lo+i]] {
					classes[lo+i] = c
				}
			}
		}
	})
	return classes, err
}

// temper scales l so that it is as confident as the ensemble. With s = 1/T and z the logits of l,
//
//	f(s) = Σ_i (ln Σ_c e^{s z_ic} − s Σ_c p_ic z_ic),   f' = Σ_i (E_q z − E_p z),   f" = Σ_i Var_q z ≥ 0,   q = softmax(s z):
//
// f is convex, and Newton's method finds its minimum; each step is limited to a factor of two.
func (e *voters) temper(ctx context.Context, l *linear.Head) error {
	const steps, enough = 30, 1e-4
	k := l.Clusters
	blocks := parallel.Count(e.features.Len(), blockRows)
	s := 1.0
	for range steps {
		slope, curvature := make([]float64, blocks), make([]float64, blocks)
		err := e.each(ctx, func(block, _ int, x, p []float32) {
			n := len(p) / k
			z, q := make([]float32, n*k), make([]float32, k)
			l.Block(z, x, n)
			for i := range n {
				row, target := z[i*k:(i+1)*k], p[i*k:(i+1)*k]
				copy(q, row)
				kernel.Scale(q, float32(s))
				kernel.Softmax(q, q)
				mean := float64(kernel.Dot(q, row))
				slope[block] += mean - float64(kernel.Dot(target, row))
				for c, z := range row {
					away := float64(z) - mean
					curvature[block] += float64(q[c]) * away * away
				}
			}
		})
		if err != nil {
			return err
		}
		var first, second float64
		for b := range slope {
			first, second = first+slope[b], second+curvature[b]
		}
		next := s / 2
		if second > 0 {
			next = min(max(s-first/second, s/2), 2*s)
		} else if first <= 0 {
			break // l gives all rows the same logits
		}
		moved := math.Abs(next/s - 1)
		if s = next; moved < enough {
			break
		}
	}
	kernel.Scale(l.Weight, float32(s))
	kernel.Scale(l.Bias, float32(s))
	return nil
}
