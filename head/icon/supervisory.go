package icon

import (
	"fmt"
	"math"
	"slices"

	"iconic/head/knn"
	"iconic/head/perplexity"
)

// KNN is the uniform distribution over the neighbours of a graph. A point that has none there has none here.
func KNN(g *knn.Graph) *Rows {
	return build(g.N, func(i int, add func(int, float64)) {
		for _, j := range g.Row(i) {
			if int(j) != i {
				add(int(j), 1)
			}
		}
	})
}

// Walk is the distribution over points reachable in 1 to steps steps of p: P + P² + … + Pᵗ, normalised, or with uniform the
// uniform distribution over all that are reached. Walks that come back to their start are left out. It fails on steps < 1.
func Walk(p *Rows, steps int, uniform bool) (*Rows, error) {
	if steps < 1 {
		return nil, fmt.Errorf("walk of %d steps: want at least 1", steps)
	}
	return build(p.Len(), func(i int, add func(int, float64)) {
		here := map[int]float64{i: 1}
		for range steps {
			next := make(map[int]float64)
			for _, k := range sortedKeys(here) {
				column, weight := p.Row(k)
				for e, j := range column {
					next[int(j)] += here[k] * float64(weight[e])
				}
			}
			for _, j := range sortedKeys(next) {
				switch {
				case j == i:
				case uniform:
					add(j, 0)
				default:
					add(j, next[j])
				}
			}
			here = next
		}
	}), nil
}

func sortedKeys(m map[int]float64) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Labels is the uniform distribution over the other points of the same label. A point alone with its label, or with one below
// 0, has no neighbours: its row is empty and only the uniform part of p̃ is left to it.
func Labels(labels []int) *Rows {
	members := make(map[int][]int)
	for i, l := range labels {
		members[l] = append(members[l], i)
	}
	return build(len(labels), func(i int, add func(int, float64)) {
		if labels[i] < 0 {
			return
		}
		for _, j := range members[labels[i]] {
			if j != i {
				add(j, 1)
			}
		}
	})
}

// Prototypes is each point's own class among m class prototypes, for use between two sets. It fails on a label out of range.
func Prototypes(labels []int, m int) (*Rows, error) {
	for i, l := range labels {
		if l < 0 || l >= m {
			return nil, fmt.Errorf("label %d of point %d: want 0 to %d", l, i, m-1)
		}
	}
	return build(len(labels), func(i int, add func(int, float64)) { add(labels[i], 1) }), nil
}

// Pairs is the partner of each of n points in a second set of the same order, for use between two sets.
func Pairs(n int) *Rows { return build(n, func(i int, add func(int, float64)) { add(i, 1) }) }

// Views is, for n·views points of which each run of views shows one image, the uniform distribution over the other views of it.
// It fails on fewer than two views or a count they do not divide.
func Views(points, views int) (*Rows, error) {
	if views < 2 || points%views != 0 {
		return nil, fmt.Errorf("%d points in views of %d: want at least 2 views, and as many of each image", points, views)
	}
	return build(points, func(i int, add func(int, float64)) {
		first := i / views * views
		for j := first; j < first+views; j++ {
			if j != i {
				add(j, 1)
			}
		}
	}), nil
}

// Edge joins two points.
type Edge struct {
	From, To int
	Weight   float64 // above 0
}

// Graph is the distribution of each of n points over the ends of its edges, by weight. It fails on ends out of range, on loops and
// on weights that are not positive.
func Graph(n int, edges []Edge) (*Rows, error) {
	from := make([][]Edge, n)
	for k, e := range edges {
		if e.From < 0 || e.From >= n || e.To < 0 || e.To >= n || e.From == e.To {
			return nil, fmt.Errorf("edge %d from %d to %d: want two different points of %d", k, e.From, e.To, n)
		}
		if !(e.Weight > 0) || math.IsInf(e.Weight, 1) {
			return nil, fmt.Errorf("edge %d has weight %g: want a positive number", k, e.Weight)
		}
		from[e.From] = append(from[e.From], e)
	}
	return build(n, func(i int, add func(int, float64)) {
		for _, e := range from[i] {
			add(e.To, e.Weight)
		}
	}), nil
}

// Counts is p_ij ∝ counts[i][j], of n points over m others: how often token j stands near token i, say, for use between two sets. It fails on
// rows of different length and on counts that are negative or not finite; a row of zeros has no neighbours.
func Counts(counts [][]float64) (*Rows, error) {
	for i, row := range counts {
		if len(row) != len(counts[0]) {
			return nil, fmt.Errorf("row %d has %d counts, the first %d", i, len(row), len(counts[0]))
		}
		for j, v := range row {
			if !(v >= 0) || math.IsInf(v, 1) {
				return nil, fmt.Errorf("count %g of point %d for %d: want 0 or more", v, i, j)
			}
		}
	}
	return build(len(counts), func(i int, add func(int, float64)) {
		for j, v := range counts[i] {
			if v > 0 {
				add(j, v)
			}
		}
	}), nil
}

// Width chooses the σ of a Gaussian supervisory distribution: one Sigma for all, or by Perplexity or as given in Each one for each point.
type Width struct {
	Sigma      float64
	Perplexity float64   // 0: use Sigma or Each
	Each       []float64 // of every point; nil: use Sigma
}

// of is the σ of point i, where it is not by perplexity.
func (w Width) of(i int) float64 {
	if w.Each != nil {
		return w.Each[i]
	}
	return w.Sigma
}

// check names what cannot be the width of n points.
func (w Width) check(n int) error {
	switch {
	case w.Perplexity != 0 && !(w.Perplexity >= 1 && w.Perplexity <= float64(n)/3):
		return fmt.Errorf("perplexity %g of %d points: want 1 to %g, a third of them", w.Perplexity, n, float64(n)/3)
	case w.Perplexity != 0:
		return nil
	case w.Each == nil && !(w.Sigma > 0):
		return fmt.Errorf("sigma %g: want a positive number, or a perplexity", w.Sigma)
	case w.Each != nil && len(w.Each) != n:
		return fmt.Errorf("%d widths of %d points: want one each", len(w.Each), n)
	}
	for i, s := range w.Each {
		if !(s > 0) {
			return fmt.Errorf("sigma %g of point %d: want a positive number", s, i)
		}
	}
	return nil
}

// GaussianNeighbours is p_ij ∝ exp(−‖x_i−x_j‖²/2σ_i²) over all other points of x (n×d): SNE's p. It fails on a σ that is not
// positive, and on a perplexity above a third of the others.
func GaussianNeighbours(x []float32, n, d int, w Width) (*Rows, error) {
	if err := w.check(n); err != nil {
		return nil, err
	}
	p, squared := make([]float64, n-1), make([]float64, n-1)
	var failed error
	rows := build(n, func(i int, add func(int, float64)) {
		least := math.Inf(1)
		for e := range squared {
			squared[e] = squareDistance(x, d, i, other(i, e))
			least = min(least, squared[e])
		}
		if w.Perplexity != 0 {
			if _, err := perplexity.Calibrate(p, squared, w.Perplexity); err != nil && failed == nil {
				failed = fmt.Errorf("point %d: %w", i, err)
			}
		} else {
			for e, s := range squared {
				p[e] = math.Exp((least - s) / (2 * w.of(i) * w.of(i)))
			}
		}
		for e, v := range p {
			add(other(i, e), v)
		}
	})
	return rows, failed
}

// StudentTNeighbours is p_ij ∝ (1 + ‖x_i−x_j‖²/ν)^(−(ν+1)/2) over all other points of x (n×d).
func StudentTNeighbours(x []float32, n, d int, freedom float64) (*Rows, error) {
	if !(freedom > 0) {
		return nil, fmt.Errorf("degrees of freedom %g: want a positive number", freedom)
	}
	return build(n, func(i int, add func(int, float64)) {
		for e := range n - 1 {
			j := other(i, e)
			add(j, math.Pow(1+squareDistance(x, d, i, j)/freedom, -(freedom+1)/2))
		}
	}), nil
}

// other is the e-th point that is not i.
func other(i, e int) int {
	if e >= i {
		return e + 1
	}
	return e
}

func squareDistance(x []float32, d, i, j int) float64 {
	s := 0.0
	for e, v := range x[i*d : (i+1)*d] {
		c := float64(v) - float64(x[j*d+e])
		s += c * c
	}
	return s
}

// Mix is Σ_k shares[k]·p_k. It fails on lengths that differ and on shares that are negative or do not sum to 1.
func Mix(shares []float64, p ...*Rows) (*Rows, error) {
	if len(shares) != len(p) || len(p) == 0 {
		return nil, fmt.Errorf("%d shares for %d distributions: want one each", len(shares), len(p))
	}
	sum := 0.0
	for k, s := range shares {
		if !(s >= 0) {
			return nil, fmt.Errorf("share %d is %g: want 0 or more", k, s)
		}
		if p[k].Len() != p[0].Len() {
			return nil, fmt.Errorf("distribution %d is of %d points, the first of %d", k, p[k].Len(), p[0].Len())
		}
		sum += s
	}
	if math.Abs(sum-1) > 1e-6 {
		return nil, fmt.Errorf("shares sum to %g: want 1", sum)
	}
	return build(p[0].Len(), func(i int, add func(int, float64)) {
		for k, rows := range p {
			column, weight := rows.Row(i)
			for e, j := range column {
				add(int(j), shares[k]*float64(weight[e]))
			}
		}
	}), nil
}

// build makes rows whose weights, added up by column, are scaled to sum to 1; when all are 0 they share alike.
func build(n int, row func(i int, add func(j int, weight float64))) *Rows {
	r := &Rows{Offset: make([]int, 1, n+1)}
	for i := range n {
		entries := make(map[int]float64)
		row(i, func(j int, w float64) { entries[j] += w })
		columns := sortedKeys(entries)
		sum := 0.0
		for _, j := range columns {
			sum += entries[j]
		}
		for _, j := range columns {
			w := 1 / float64(len(columns))
			if sum > 0 {
				w = entries[j] / sum
			}
			r.Column, r.Weight = append(r.Column, int32(j)), append(r.Weight, float32(w))
		}
		r.Offset = append(r.Offset, len(r.Column))
	}
	return r
}
