package head

import (
	"context"
	"fmt"
	"math"
	"slices"

	"iconic/internal/assignment"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// With many clusters every head ends in a local minimum of its own: losses differ by thousandths, and two seeds agree on half of the images.
// Which of them is least says little; what most of them say, more. So with Consensus the heads, trained on the same batches from different
// starts, vote: their clusters are aligned one to one, and the vote on image i is the mean of their assignments,
//
//	p(c|i) = 1/M Σ_m φᵐ_{i,π_m(c)}.
//
// A last linear head learns whom the vote puts where (the cross-entropy of I-Con's table 1, labels being argmax_c p), and then, since labels
// say nothing of doubt, is made as sure as the vote is by one temperature: of all T the one of least 1/n Σ_i KL(p_i ‖ softmax(z_i/T)).
// Where heads disagree the vote is flat; that calibrates it, as ensembles do (Lakshminarayanan et al. 2017).

// voteWithin is how many nats above the least loss a head may lie and still vote. With few clusters a head in which two groups share one is
// that much worse, and its voice only blurs the others'; with a hundred every head has such faults, each its own, and all of them vote.
const voteWithin = 0.01

// consensus is the head that learns what the heads of about the least loss say together; if they are not half of all, that of least loss.
func (t *training) consensus(ctx context.Context) (*Linear, error) {
	var heads []*Linear
	for _, tr := range t.state.Heads {
		if tr.Loss <= t.best().Loss+voteWithin {
			heads = append(heads, tr.deployed())
		}
	}
	if all := len(t.state.Heads); len(heads) == 1 || 2*len(heads) < all {
		t.verdict = fmt.Sprintf("the losses of %d heads lie too far apart for a vote: the least one is kept", all)
		return t.best().deployed(), nil
	}
	t.verdict = fmt.Sprintf("%d of %d heads voted", len(heads), len(t.state.Heads))
	order, err := t.align(ctx, heads)
	if err != nil {
		return nil, err
	}
	v := &vote{training: t, heads: heads, order: order}
	classes, err := v.classes(ctx)
	if err != nil {
		return nil, err
	}
	const least, enough, seen = 600, 3000, 3 // steps, and epochs: a small set is seen more often, a large one not so often
	perEpoch := max(1, t.features.Len()/regressionBatch)
	epochs := max(least/perEpoch, min(regressionEpochs, max(seen, enough/perEpoch)))
	l, _, err := t.regress(ctx, classes, epochs, nil)
	if err != nil {
		return nil, err
	}
	return l, v.temper(ctx, l)
}

// align finds for each head h which of its clusters goes by the name c, order[h][c]: those of the first head at first, and then, until nothing
// changes, of the vote.
func (t *training) align(ctx context.Context, heads []*Linear) (order [][]int, err error) {
	order = make([][]int, len(heads))
	for h := range order {
		order[h] = make([]int, t.config.Clusters)
		for c := range order[h] {
			order[h][c] = c
		}
	}
	const rounds = 10 // two or three settle it
	for round := range rounds {
		together, err := t.together(ctx, heads, order, round == 0)
		if err != nil {
			return nil, err
		}
		changed := false
		for h := range heads {
			found, err := assignment.Solve(together[h], t.config.Clusters, t.config.Clusters)
			if err != nil {
				return nil, fmt.Errorf("consensus: clusters of head %d cannot be aligned: %w", h, err)
			}
			changed = changed || !slices.Equal(found, order[h])
			order[h] = found
		}
		if !changed && round > 0 {
			break
		}
	}
	return order, nil
}

// together is how much each cluster of the vote so far, the first head's alone where first is set, shares with each cluster of every head:
// −Σ_i p_ic φᵐ_ic' (K×K for each head), a cost to be made least.
func (t *training) together(ctx context.Context, heads []*Linear, order [][]int, first bool) ([][]float64, error) {
	const most, room, rows = 8, 1 << 24, 256 // cuts of the rows, and numbers that all their sums may take, which are float32
	n, k, d := t.features.Len(), t.config.Clusters, t.features.Dim()
	cuts := min(most, max(1, room/(len(heads)*k*k)))
	sums := make([][][]float32, cuts)
	err := parallel.Blocks(ctx, t.options.Workers, cuts, 1, func(cut, _, _ int) error {
		sums[cut] = make([][]float32, len(heads))
		for h := range heads {
			sums[cut][h] = make([]float32, k*k)
		}
		x, vote := make([]float32, rows*d), make([]float32, rows*k)
		told := newSays(len(heads), rows*k)
		end := n * (cut + 1) / cuts
		for lo := n * cut / cuts; lo < end; lo += rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			m := min(rows, end-lo)
			if err := t.features.Block(x[:m*d], lo, lo+m); err != nil {
				return err
			}
			told.ask(heads, x, m)
			if first {
				copy(vote, told[0][:m*k])
			} else {
				told.vote(vote, order, m, k)
			}
			for h := range heads {
				kernel.MulTransA(sums[cut][h], k, vote, k, told[h], k, k, m, k, true)
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
			for e, v := range cut[h] {
				cost[h][e] -= float64(v)
			}
		}
	}
	return cost, nil
}

// says are the probabilities of each head for some rows.
type says [][]float32

func newSays(heads, size int) says {
	s := make(says, heads)
	for h := range s {
		s[h] = make([]float32, size)
	}
	return s
}

func (s says) ask(heads []*Linear, x []float32, n int) {
	for h, l := range heads {
		l.probabilities(s[h], x, n)
	}
}

// vote writes the mean over heads, their clusters being called by order.
func (s says) vote(dst []float32, order [][]int, n, k int) {
	share := 1 / float32(len(s))
	clear(dst[:n*k])
	for h, p := range s {
		for i := range n {
			own, row := dst[i*k:(i+1)*k], p[i*k:(i+1)*k]
			for c, from := range order[h] {
				own[c] += share * row[from]
			}
		}
	}
}

// vote is what heads say together.
type vote struct {
	*training
	heads []*Linear
	order [][]int
}

// each calls work with blocks of rows: their features and the vote on them.
func (v *vote) each(ctx context.Context, work func(block, lo int, x, p []float32)) error {
	k, d := v.config.Clusters, v.features.Dim()
	return parallel.Blocks(ctx, v.options.Workers, v.features.Len(), voteRows, func(block, lo, hi int) error {
		x, p := make([]float32, (hi-lo)*d), make([]float32, (hi-lo)*k)
		if err := v.features.Block(x, lo, hi); err != nil {
			return err
		}
		told := newSays(len(v.heads), (hi-lo)*k)
		told.ask(v.heads, x, hi-lo)
		told.vote(p, v.order, hi-lo, k)
		work(block, lo, x, p)
		return nil
	})
}

const voteRows = 512 // of a block

// classes are the clusters that the vote puts the rows in.
func (v *vote) classes(ctx context.Context) ([]int, error) {
	k := v.config.Clusters
	classes := make([]int, v.features.Len())
	err := v.each(ctx, func(_, lo int, _, p []float32) {
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

// temper scales l to be as sure as the vote. With s = 1/T and z the logits of l,
//
//	f(s) = Σ_i (ln Σ_c e^{s z_ic} − s Σ_c p_ic z_ic),   f' = Σ_i (E_q z − E_p z),   f" = Σ_i Var_q z ≥ 0,   q = softmax(s z):
//
// f is convex, and Newton's method finds its least point; steps are kept within a factor of two.
func (v *vote) temper(ctx context.Context, l *Linear) error {
	const steps, enough = 30, 1e-4
	k := l.Clusters
	blocks := parallel.Count(v.features.Len(), voteRows)
	s := 1.0
	for range steps {
		slope, bend := make([]float64, blocks), make([]float64, blocks)
		err := v.each(ctx, func(block, _ int, x, p []float32) {
			n := len(p) / k
			z, q := make([]float32, n*k), make([]float32, k)
			l.logits(z, x, n)
			for i := range n {
				row, said := z[i*k:(i+1)*k], p[i*k:(i+1)*k]
				copy(q, row)
				kernel.Scale(q, float32(s))
				kernel.Softmax(q, q)
				mean := float64(kernel.Dot(q, row))
				slope[block] += mean - float64(kernel.Dot(said, row))
				for c, z := range row {
					away := float64(z) - mean
					bend[block] += float64(q[c]) * away * away
				}
			}
		})
		if err != nil {
			return err
		}
		var first, second float64
		for b := range slope {
			first, second = first+slope[b], second+bend[b]
		}
		next := s / 2
		if second > 0 {
			next = min(max(s-first/second, s/2), 2*s)
		} else if first <= 0 {
			break // every row is the same to l
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
