package knn

import (
	"context"
	"fmt"
	"math"
	"slices"

	"iconic/internal/centred"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Features are the rows among which neighbours are searched: matrix.Features.
type Features = matrix.Features

// Metric is a distance between two rows.
type Metric string

const (
	Cosine    Metric = "cosine"    // 1 − x·y/(‖x‖‖y‖), 0 to 2
	Euclidean Metric = "euclidean" // ‖x−y‖
)

// Options are the settings of a search.
type Options struct {
	K       int    // neighbours of each row, 1 ≤ K < rows
	Metric  Metric // Cosine when empty
	Workers int    // goroutines; all processors when < 1

	// Only for Approximate:
	Lists  int     // inverted lists, at most as many as rows; 2√rows when 0
	Recall float64 // target share of the true neighbours, above 0 and at most 1; 0.97 when 0
	Probes int     // largest number of lists that a row is compared with, which takes precedence over Recall; 0: as many as needed
	Seed   uint64

	// Progress, if set, receives the progress of the comparisons, from one goroutine at a time.
	Progress func(done, total int)
}

// Search is a method of neighbour search.
type Search string

const (
	SearchExact       Search = "exact"       // every pair is compared
	SearchApproximate Search = "approximate" // each row is compared with those of the nearest lists
	SearchAuto        Search = "auto"        // exact up to ExactRows rows
)

// ExactRows is the size up to which SearchAuto compares every row with every other, which takes minutes on two processors.
const ExactRows = 200_000

// Resolve returns the search that s selects for n rows; it fails on an unknown name.
func (s Search) Resolve(n int) (Search, error) {
	switch {
	case s == SearchExact || s == SearchApproximate:
		return s, nil
	case s != SearchAuto && s != "":
		return s, fmt.Errorf("neighbour search %q: want %q, %q or %q", s, SearchAuto, SearchExact, SearchApproximate)
	case n > ExactRows:
		return SearchApproximate, nil
	}
	return SearchExact, nil
}

// Find finds neighbours by Exact or by Approximate, depending on s.
func (s Search) Find(ctx context.Context, f Features, o Options) (*Graph, error) {
	s, err := s.Resolve(f.Len())
	if err != nil {
		return nil, err
	}
	if s == SearchExact {
		return Exact(ctx, f, o)
	}
	return Approximate(ctx, f, o)
}

// Graph holds the K nearest rows of each of N rows. A row is excluded from its own neighbours by its index, so a duplicate may be a
// neighbour. A row without a direction, under Cosine, has no neighbours: its K entries are the row itself, at distance 0.
type Graph struct {
	N, K       int
	Neighbours []int32   // N×K, nearest first, ties to the lowest index
	Distances  []float32 // N×K, in the metric
	Recall     float64   // share of the true neighbours among them: 1, or measured on a sample
	// Of has the N rows, ascending, whose neighbours among all rows these are; nil: all rows, in order.
	Of []int32
	// Compared is the number of products computed, as a share of one for each row and each other row; 1 if all pairs were compared.
	Compared float64
}

// Row returns the neighbours of row i, nearest first.
func (g *Graph) Row(i int) []int32 { return g.Neighbours[i*g.K : (i+1)*g.K] }

const (
	panelRows  = 1024
	blockRows  = 256
	spare      = 8 // candidates kept beyond K: enough for float32 rounding at the boundary, except in extreme rows (rounding.go)
	worstScore = -math.MaxFloat32
	// directionless is the share of the median length below which a row has no direction under Cosine: it is all zero, or only rounding
	// errors are left of it, as when a row equal to the mean is standardised.
	directionless = 1e-6
)

// Alone counts the rows without neighbours.
func (g *Graph) Alone() int {
	n := 0
	for i := range g.N {
		row := i
		if g.Of != nil {
			row = int(g.Of[i])
		}
		if g.K > 0 && int(g.Neighbours[i*g.K]) == row {
			n++
		}
	}
	return n
}

// Exact finds the K nearest neighbours of every row. It fails on features that are not finite, naming the row, and on K < 1 or
// K ≥ rows.
func Exact(ctx context.Context, f Features, o Options) (*Graph, error) {
	s, err := newSearch(ctx, f, o)
	if err != nil {
		return nil, err
	}
	return s.exact(ctx)
}

// exact compares all pairs of rows.
func (s *search) exact(ctx context.Context) (*Graph, error) {
	if err := s.compare(ctx); err != nil {
		return nil, err
	}
	return s.rank(ctx, nil, true)
}

// Some finds the K nearest neighbours, among all rows, of the given rows only. It fails as Exact does, and on rows that do not ascend or do
// not exist.
func Some(ctx context.Context, f Features, rows []int32, o Options) (*Graph, error) {
	for e, i := range rows {
		if i < 0 || int(i) >= f.Len() || e > 0 && i <= rows[e-1] {
			return nil, fmt.Errorf("neighbours of row %d of %d: want existing rows, ascending", i, f.Len())
		}
	}
	s, err := newSearch(ctx, f, o)
	if err != nil {
		return nil, err
	}
	g, err := s.exactRows(ctx, rows)
	if err == nil {
		g.Of = rows
	}
	return g, err
}

// checked checks the options that all searches read, and sets their defaults.
func (o Options) checked(n int) (Options, error) {
	if o.Metric == "" {
		o.Metric = Cosine
	}
	if o.Metric != Cosine && o.Metric != Euclidean {
		return o, fmt.Errorf("metric %q: want %q or %q", o.Metric, Cosine, Euclidean)
	}
	if o.K < 1 || o.K >= n {
		return o, fmt.Errorf("neighbours %d of %d rows: want at least 1 and fewer than the number of rows", o.K, n)
	}
	return o, nil
}

// search is the state of one search: of Exact, Some or Approximate. A score is larger for nearer rows: the cosine, or minus half the squared
// Euclidean distance.
type search struct {
	features Features
	options  Options
	n, d     int
	keep     int       // candidates kept for each row
	frame    Features  // features for products; under Euclidean relative to the mean, for precision
	norm     []float32 // ‖x‖ under Cosine, 0 without a direction; ½‖x‖² in the frame under Euclidean
	scale    float64   // of the frame: distances in it are as many times those of the features
	best     []bestList
}

// newSearch begins a search: it checks the options and measures the features.
func newSearch(ctx context.Context, f Features, o Options) (*search, error) {
	o, err := o.checked(f.Len())
	if err != nil {
		return nil, err
	}
	s := &search{features: f, options: o, n: f.Len(), d: f.Dim(), keep: min(o.K+spare, f.Len()-1)}
	return s, s.measure(ctx)
}

// measure fills frame, norm and scale, and rejects features that are not finite.
func (s *search) measure(ctx context.Context) error {
	moved, err := centred.Measure(ctx, s.features, s.options.Workers)
	if err != nil {
		return err
	}
	if s.frame, s.scale = s.features, 1; s.options.Metric == Euclidean {
		s.frame, s.scale = moved, moved.Scale
	}
	s.norm = make([]float32, s.n)
	err = parallel.Blocks(ctx, s.options.Workers, s.n, panelRows, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*s.d)
		if err := s.frame.Block(x, lo, hi); err != nil {
			return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		for i := lo; i < hi; i++ {
			square := 0.0
			for _, v := range x[(i-lo)*s.d : (i-lo+1)*s.d] {
				square += float64(v) * float64(v)
			}
			if s.options.Metric == Euclidean {
				s.norm[i] = float32(square / 2)
			} else {
				s.norm[i] = float32(math.Sqrt(square))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.options.Metric == Euclidean {
		return nil
	}
	const least = 1e-37 // float32 cannot represent the inverse of a shorter length
	sorted := slices.Clone(s.norm)
	slices.Sort(sorted)
	limit := max(least, directionless*sorted[s.n/2])
	for i, v := range s.norm {
		if v < limit {
			s.norm[i] = 0
		}
	}
	return nil
}

// aim scales a row to length 1, or to 0 if it has no direction.
func aim(x []float32, norm float32) {
	if norm == 0 {
		clear(x)
		return
	}
	kernel.Scale(x, 1/norm)
}

// read reads rows lo to hi−1 in the form used for products: of length 1 under Cosine.
func (s *search) read(x []float32, lo, hi int) error {
	x = x[:(hi-lo)*s.d]
	if err := s.frame.Block(x, lo, hi); err != nil {
		return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
	}
	if s.options.Metric == Cosine {
		for i := lo; i < hi; i++ {
			aim(x[(i-lo)*s.d:(i-lo+1)*s.d], s.norm[i])
		}
	}
	return nil
}

// allocate makes empty lists for all rows.
func (s *search) allocate() { s.best = newLists(s.n, s.keep) }

// newLists makes n empty lists of a given capacity.
func newLists(n, capacity int) []bestList {
	lists, backing := make([]bestList, n), make([]candidate, n*capacity)
	for i := range lists {
		lists[i].candidates = backing[i*capacity : i*capacity : (i+1)*capacity]
	}
	return lists
}

// compare fills best with the nearest of each row.
func (s *search) compare(ctx context.Context) error {
	s.allocate()
	threshold := make([]float32, s.n)
	for i := range threshold {
		threshold[i] = worstScore
	}
	panel := make([]float32, min(panelRows, s.n)*s.d)
	crew := make([]*worker, parallel.Workers(s.options.Workers))
	free := make(chan *worker, len(crew)) // workers that are not processing a tile
	for i := range crew {
		crew[i] = newWorker(s)
		free <- crew[i]
	}
	done, total := 0, s.n*(s.n+1)/2
	for lo := 0; lo < s.n; lo += panelRows {
		hi := min(s.n, lo+panelRows)
		if err := s.read(panel, lo, hi); err != nil {
			return err
		}
		err := parallel.Blocks(ctx, len(crew), s.n-lo, blockRows, func(_, from, to int) error {
			w := <-free
			defer func() { free <- w }()
			return w.tile(s, panel, threshold, lo, hi, lo+from, lo+to)
		})
		if err != nil {
			return err
		}
		for _, w := range crew {
			w.merge(s, threshold, lo, hi)
		}
		done += (hi - lo) * (s.n - lo)
		if s.options.Progress != nil {
			s.options.Progress(min(done, total), total)
		}
	}
	return nil
}

// rank measures the candidates of each row again in float64 and keeps the K nearest. best[e] belongs to row named[e], or to row e if named is nil. If
// complete, the candidates are the best of all rows, and a row whose neighbours may be missing from them because of rounding is compared again.
func (s *search) rank(ctx context.Context, named []int32, complete bool) (*Graph, error) {
	k, n := s.options.K, len(s.best)
	g := &Graph{N: n, K: k, Recall: 1, Compared: 1, Neighbours: make([]int32, n*k), Distances: make([]float32, n*k)}
	err := parallel.Blocks(ctx, s.options.Workers, n, blockRows, func(_, lo, hi int) error {
		r := &ranking{search: s, graph: g, rows: make([]int32, s.keep), other: make([]float32, s.keep*s.d), list: make([]ranked, s.keep)}
		own := make([]float32, (hi-lo)*s.d)
		var err error
		if named == nil {
			err = s.features.Block(own, lo, hi)
		} else {
			err = s.features.Gather(own, named[lo:hi])
		}
		for e := lo; err == nil && e < hi; e++ {
			row := int32(e)
			if named != nil {
				row = named[e]
			}
			err = r.entry(e, row, own[(e-lo)*s.d:(e-lo+1)*s.d])
		}
		if err != nil || !complete {
			return err
		}
		return r.rescan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// ranking is the working memory of one goroutine of rank.
type ranking struct {
	*search
	graph  *Graph
	rows   []int32
	other  []float32
	list   []ranked
	unsure []*unsure
}

// entry ranks the candidates of a row, x, and keeps the K nearest as entry e of the graph.
func (r *ranking) entry(e int, row int32, x []float32) error {
	k := r.options.K
	if r.options.Metric == Cosine && r.norm[row] == 0 {
		for c := range k {
			r.graph.Neighbours[e*k+c] = row
		}
		return nil
	}
	candidates, all := r.possible(row, r.best[e].candidates)
	rows, list := r.rows[:len(candidates)], r.list[:len(candidates)]
	for c := range candidates {
		rows[c] = candidates[c].row
	}
	if err := r.features.Gather(r.other[:len(rows)*r.d], rows); err != nil {
		return err
	}
	for c, j := range rows {
		list[c] = r.ranked(x, r.other[c*r.d:(c+1)*r.d], j)
	}
	sortRanked(list)
	r.keepNearest(e, list[:k])
	if !all {
		r.unsure = append(r.unsure, &unsure{entry: e, row: row, x: x, last: list[k-1].distance})
	}
	return nil
}

// keepNearest writes the K nearest of entry e into the graph.
func (r *ranking) keepNearest(e int, list []ranked) {
	for c, one := range list {
		r.graph.Neighbours[e*len(list)+c], r.graph.Distances[e*len(list)+c] = one.row, float32(one.distance)
	}
}

// ranked measures row j, y, from x.
func (s *search) ranked(x, y []float32, j int32) ranked {
	if s.options.Metric == Cosine && s.norm[j] == 0 {
		return ranked{1, j} // as for orthogonal rows
	}
	return ranked{distance(s.options.Metric, x, y), j}
}

// distance is the metric in float64.
func distance(m Metric, x, y []float32) float64 {
	if m == Euclidean {
		square := 0.0
		for i, v := range x {
			d := float64(v) - float64(y[i])
			square += d * d
		}
		return math.Sqrt(square)
	}
	var xy, xx, yy float64
	for i, v := range x {
		a, b := float64(v), float64(y[i])
		xy += a * b
		xx += a * a
		yy += b * b
	}
	return max(0, 1-xy/math.Sqrt(xx*yy))
}

// Only returns the graph of only the given rows, ascending, of a graph of all rows. If all pairs were compared, it is the one that Some finds.
func (g *Graph) Only(rows []int32) *Graph {
	n := &Graph{N: len(rows), K: g.K, Recall: g.Recall, Of: rows, Compared: g.Compared, Neighbours: make([]int32, 0, len(rows)*g.K), Distances: make([]float32, 0, len(rows)*g.K)}
	for _, i := range rows {
		n.Neighbours = append(n.Neighbours, g.Row(int(i))...)
		n.Distances = append(n.Distances, g.Distances[int(i)*g.K:(int(i)+1)*g.K]...)
	}
	return n
}

// Nearest returns the graph of only the k ≤ K nearest neighbours; it shares memory with g if k = K.
func (g *Graph) Nearest(k int) *Graph {
	if k == g.K {
		return g
	}
	n := &Graph{N: g.N, K: k, Recall: g.Recall, Of: g.Of, Compared: g.Compared, Neighbours: make([]int32, 0, g.N*k), Distances: make([]float32, 0, g.N*k)}
	for i := range g.N {
		n.Neighbours = append(n.Neighbours, g.Neighbours[i*g.K:i*g.K+k]...)
		n.Distances = append(n.Distances, g.Distances[i*g.K:i*g.K+k]...)
	}
	return n
}
