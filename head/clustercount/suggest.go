package clustercount

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"iconic/internal/parallel"
	"iconic/matrix"
)

// Constants of the search; docs/choosing-k.md explains them.
const (
	leastSplits, mostSplits = 4, 16  // splits of the features into two halves
	splitRows               = 20_000 // rows in all splits together, unless more are needed
	ratio                   = 1.19   // ratio of a number on the grid to the previous one, √√2
	perRow                  = 8      // rows per cluster, on average, at the largest number of clusters tried
	atLeast                 = 4      // clusters are tried if there are more images than that, however few
	mostTried               = 5000   // largest number of clusters tried
	past                    = 4      // the search ends beyond this multiple of the best number
	fallen                  = 0.7    // if the score there is below this share of the best
	beyond                  = 30     // but never below this many clusters
	between                 = 4      // numbers tried on either side of the best one on the grid
	as                      = 2      // standard errors within which scores are as good
	valley                  = 0.95   // share of a local maximum below which the score must fall before it rises to a higher one
	little                  = 1. / 3 // share of the possible agreement above chance; less may be chance
	worth                   = 0.8    // share of the best score that a local maximum needs to be named

	firstRows, mostRows = 20_000, 50_000
	rowsOfCluster       = 50 // if there are fewer rows per cluster, more are drawn, if available
)

// Options are the settings of a suggestion.
type Options struct {
	Seed    uint64
	Workers int // goroutines; all processors when < 1; they do not change the result
	// Progress, if set, receives the number of partitions done and the total, from one goroutine at a time; the total is an estimate that
	// may fall.
	Progress func(done, total int)
}

// Point holds the measurements for one number of clusters.
type Point struct {
	Clusters    int     `json:"clusters"`
	Agreement   float64 `json:"agreement"`   // D, from 0 to 1, the mean over splits
	Information float64 `json:"information"` // I in nats, the mean over splits
	Score       float64 `json:"score"`       // D²·I, the mean over splits

	scores []float64 // of each split
}

// Suggestion is a number of clusters and the evidence for it.
type Suggestion struct {
	Clusters int     `json:"clusters"`
	From     int     `json:"from"` // numbers from From to To are as good within two standard errors
	To       int     `json:"to"`
	Also     []int   `json:"also,omitempty"` // other local maxima that stand out, in ascending order
	Seed     uint64  `json:"seed"`
	Given    bool    `json:"given,omitempty"` // whether the numbers were given, by Compare
	Rows     int     `json:"rows"`            // rows used, of Of
	Of       int     `json:"of"`
	Most     int     `json:"most"`              // largest number of clusters that was tried, or could be tried with Rows rows
	Columns  int     `json:"columns,omitempty"` // of the features
	Chance   float64 `json:"chance"`            // agreement at Clusters with columns permuted independently
	Curve    []Point `json:"curve"`             // in ascending order of clusters
}

// Suggest finds the number of clusters of features, n×d with n > 2 and d > 1, which it standardises. It fails on fewer rows or columns, on
// features that cannot be read or are all the same, and with ctx's error.
func Suggest(ctx context.Context, f matrix.Features, o Options) (*Suggestion, error) {
	n := f.Len()
	if n < 3 || f.Dim() < 2 {
		return nil, fmt.Errorf("number of clusters: %d images with %d features are too few to find it: give the number", n, f.Dim())
	}
	z, err := standardised(ctx, f, o)
	if err != nil {
		return nil, err
	}
	for rows := min(n, firstRows); ; {
		s, err := search(ctx, draw(z, rows, o.Seed), o)
		if err != nil {
			return nil, fmt.Errorf("number of clusters: %w", err)
		}
		s.Of = n
		if more := min(n, mostRows, 2*rowsOfCluster*s.Clusters); rows < more && s.Clusters*rowsOfCluster > rows {
			rows = more
			continue
		}
		return s, nil
	}
}

// ErrIncomparable is in the chain of Compare's error for images, features or numbers that are too few to compare numbers of clusters.
var ErrIncomparable = errors.New("numbers of clusters cannot be compared")

// Compare measures the given numbers of clusters, each at least 2, as Suggest does, and takes the best. It leaves out numbers that are too
// large for the images used: those as large as their number. It fails with ErrIncomparable if fewer than two numbers remain or there is only one
// feature, and as Suggest does.
func Compare(ctx context.Context, f matrix.Features, numbers []int, o Options) (*Suggestion, error) {
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	rows := min(f.Len(), max(firstRows, min(mostRows, rowsOfCluster*slices.Max(append(numbers, 0)))))
	given := len(numbers)
	numbers = slices.DeleteFunc(numbers, func(k int) bool { return k >= rows })
	switch {
	case len(numbers) > 0 && numbers[0] < 2:
		return nil, fmt.Errorf("numbers of clusters: %d: want at least 2", numbers[0])
	case f.Dim() < 2:
		return nil, fmt.Errorf("%w: that takes two halves of the features, and there is only one feature", ErrIncomparable)
	case len(numbers) < 2:
		return nil, fmt.Errorf("%w: that takes at least two below the number of images, %d, and of the %d given %s is", ErrIncomparable, rows, given, [...]string{"none", "one"}[len(numbers)])
	}
	z, err := standardised(ctx, f, o)
	if err != nil {
		return nil, err
	}
	s, err := newSearch(ctx, draw(z, rows, o.Seed), len(numbers), o)
	if err != nil {
		return nil, fmt.Errorf("numbers of clusters: %w", err)
	}
	for _, k := range numbers {
		if err := s.try(ctx, k); err != nil {
			return nil, fmt.Errorf("numbers of clusters: %w", err)
		}
	}
	found, err := s.conclude(ctx)
	if err != nil {
		return nil, fmt.Errorf("numbers of clusters: %w", err)
	}
	found.Given, found.Of = true, f.Len()
	return found, nil
}

func standardised(ctx context.Context, f matrix.Features, o Options) (matrix.Features, error) {
	moments, err := matrix.Measure(ctx, f, o.Workers)
	if err != nil {
		return nil, fmt.Errorf("number of clusters: %w", err)
	}
	return matrix.Standardize(f, moments), nil
}

// draw returns f, or rows of it drawn at random if it has more.
func draw(f matrix.Features, rows int, seed uint64) matrix.Features {
	if rows >= f.Len() {
		return f
	}
	return &matrix.Subset{Features: f, Rows: matrix.RandomRows(rand.New(rand.NewPCG(seed, 0x726f7773)), f.Len(), rows)}
}

// searching is the state of a search.
type searching struct {
	options Options
	f       matrix.Features
	halves  []half // two for each split, one after the other
	curve   []Point

	mu          sync.Mutex
	done, total int
}

func newSearch(ctx context.Context, f matrix.Features, numbers int, o Options) (s *searching, err error) {
	s = &searching{options: o, f: f}
	s.halves, err = split(ctx, f, max(leastSplits, min(mostSplits, splitRows/f.Len())), o)
	s.total = numbers * len(s.halves)
	return s, err
}

// search goes up the grid until the score has clearly passed its maximum, and then searches more finely around it.
func search(ctx context.Context, f matrix.Features, o Options) (*Suggestion, error) {
	most := Most(f.Len())
	grid := Grid(most)
	s, err := newSearch(ctx, f, len(grid), o)
	if err != nil {
		return nil, err
	}
	for _, k := range grid {
		if err := s.try(ctx, k); err != nil {
			return nil, err
		}
		if best := highest(s.curve); k > beyond && k > past*best.Clusters && s.last().Score < fallen*best.Score {
			break
		}
	}
	s.total = s.done
	if err := s.refine(ctx); err != nil {
		return nil, err
	}
	found, err := s.conclude(ctx)
	if err == nil {
		found.Most = most
	}
	return found, err
}

// conclude evaluates the curve and measures the agreement by chance.
func (s *searching) conclude(ctx context.Context) (*Suggestion, error) {
	slices.SortFunc(s.curve, func(a, b Point) int { return a.Clusters - b.Clusters })
	found := conclude(s.curve)
	found.Rows, found.Columns, found.Most, found.Seed = s.f.Len(), s.f.Dim(), s.last().Clusters, s.options.Seed
	var err error
	found.Chance, err = chance(ctx, s.f, found.Clusters, s.options)
	return found, err
}

// Most is the largest number of clusters that is tried on n rows.
func Most(n int) int { return max(2, min(n-1, max(atLeast, n/perRow), mostTried)) }

// Grid returns the numbers of clusters from 2 to most to try, each about a fifth larger than the previous one.
func Grid(most int) []int {
	var grid []int
	at := 2.0
	for k := 2; k <= most; k = max(k+1, int(at+0.5)) {
		grid = append(grid, k)
		at = float64(k) * ratio
	}
	return grid
}

// refine tries numbers between the best number on the grid and its neighbours.
func (s *searching) refine(ctx context.Context) error {
	best := highest(s.curve)
	at := slices.IndexFunc(s.curve, func(p Point) bool { return p.Clusters == best.Clusters })
	var more []int
	for _, side := range []int{at - 1, at + 1} {
		if side < 0 || side == len(s.curve) {
			continue
		}
		lo, hi := min(s.curve[side].Clusters, best.Clusters), max(s.curve[side].Clusters, best.Clusters)
		step := max(1, (hi-lo)/(between+1))
		for k := lo + step; k < hi; k += step {
			more = append(more, k)
		}
	}
	s.total += len(more) * len(s.halves)
	for _, k := range more {
		if err := s.try(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// try measures k clusters.
func (s *searching) try(ctx context.Context, k int) error {
	clusters := make([][]int32, len(s.halves))
	err := parallel.Blocks(ctx, s.options.Workers, len(s.halves), 1, func(_, h, _ int) (err error) {
		clusters[h], err = s.halves[h].cluster(ctx, k, s.options.Seed, h, parallel.Each(s.options.Workers, len(s.halves)))
		s.one()
		return err
	})
	if err != nil {
		return err
	}
	p := Point{Clusters: k, scores: make([]float64, len(s.halves)/2)}
	agreements, informations := make([]float64, len(p.scores)), make([]float64, len(p.scores))
	err = parallel.Blocks(ctx, s.options.Workers, len(p.scores), 1, func(_, i, _ int) (err error) {
		agreements[i], informations[i], err = compare(s.halves[2*i:2*i+2], clusters[2*i:2*i+2], k)
		return err
	})
	if err != nil {
		return err
	}
	for i, d := range agreements {
		p.scores[i] = d * d * informations[i]
		p.Agreement += d / float64(len(p.scores))
		p.Information += informations[i] / float64(len(p.scores))
		p.Score += p.scores[i] / float64(len(p.scores))
	}
	s.curve = append(s.curve, p)
	return nil
}

func (s *searching) last() Point { return s.curve[len(s.curve)-1] }

func (s *searching) one() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if s.options.Progress != nil {
		s.options.Progress(s.done, max(s.done, s.total))
	}
}

// highest returns the point with the highest score, and of equal ones that with the fewest clusters.
func highest(curve []Point) Point {
	best := curve[0]
	for _, p := range curve[1:] {
		if p.Score > best.Score {
			best = p
		}
	}
	return best
}
