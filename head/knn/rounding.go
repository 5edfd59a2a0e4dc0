package knn

import (
	"cmp"
	"context"
	"math"
	"slices"

	"iconic/internal/kernel"
)

// unit is the largest relative error of one rounding to float32.
const unit = 0x1p-24

// possible leaves out the last of a row's candidates, best first, whose scores are so far below the K-th that rounding cannot have put them there.
// It also reports whether no row beyond the candidates can be among the K nearest, if the candidates are the best of all rows.
func (s *search) possible(row int32, candidates []candidate) (kept []candidate, all bool) {
	k := s.options.K
	if k >= len(candidates) {
		return candidates, len(candidates) == s.n-1
	}
	score := float64(candidates[k-1].score)
	border := score - s.rounding(row, score)
	last := len(candidates)
	for last > k {
		score := float64(candidates[last-1].score)
		if score+s.rounding(row, score) >= border {
			break
		}
		last--
	}
	return candidates[:last], last < len(candidates) || last == s.n-1
}

// rounding is the largest error of a score of a row. A sum of d products is in error by at most γ times the sum of their sizes, with γ = d·u/(1 − d·u)
// and u the unit of rounding, in any order of summation (Higham 2002, sec. 3.1). With a few more terms in γ for the rounding of lengths, of the frame and of
// differences, that is
//
//   - under Cosine, for rows of length 1, at most γ;
//   - under Euclidean at most ¼γ·(‖x‖ + ‖y‖)², in the frame. Since ‖y‖ ≤ ‖x‖ + ‖x−y‖, the square is at most 8‖x‖² + 2‖x−y‖², which is 16 times the norm ½‖x‖² and
//     4 times the score −½‖x−y‖². So an error depends on the row itself and on how near the other is, and not on the largest row of all.
//
// The score is that of exact arithmetic; 4·¼γ of the error of the computed one is made up for by dividing by 1 − γ.
func (s *search) rounding(row int32, score float64) float64 {
	terms := float64(s.d+16) * unit
	gamma := terms / max(unit, 1-2*terms) // with millions of columns nothing is sure
	if s.options.Metric == Cosine {
		return gamma
	}
	return gamma/4*(16*float64(s.norm[row])+4*math.Abs(score)) + s.underflow()
}

// underflow is the largest error of a sum of d squares or products of numbers so small that float32 cannot hold them in full.
func (s *search) underflow() float64 { return float64(s.d+8) * 0x1p-126 }

// unsure is a row of which other rows than the candidates may be neighbours.
type unsure struct {
	entry int // in the graph
	row   int32
	x     []float32 // its features
	form  []float32 // and their form used for products
	near  []ranked  // the nearest so far, at most K
	last  float64   // a distance within which there are at least K rows
	limit float64   // squared distance in float32 above which a row is farther than last
}

// settled reports whether no later row can be among the K nearest: there are K at distance 0.
func (u *unsure) settled(k int) bool { return len(u.near) == k && u.last == 0 }

// add offers a row to the K nearest. Rows are offered in ascending order.
func (u *unsure) add(s *search, one ranked) {
	k := s.options.K
	if len(u.near) == k {
		if one.distance >= u.last {
			return
		}
		u.near = u.near[:k-1]
	}
	at, _ := slices.BinarySearchFunc(u.near, one, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.row, b.row)) })
	if u.near = slices.Insert(u.near, at, one); len(u.near) == k {
		u.last = u.near[k-1].distance
		u.limit = s.reach(u.row, u.last)
	}
}

// rescan finds the neighbours of unsure rows among all rows. Differences of rows keep the digits that products lose, so their squares in float32 leave
// few rows to measure in float64.
func (r *ranking) rescan(ctx context.Context) error {
	if len(r.unsure) == 0 {
		return nil
	}
	named := make([]int32, len(r.unsure))
	for e, u := range r.unsure {
		named[e] = u.row
	}
	own := make([]float32, len(named)*r.d)
	if err := r.gather(own, named); err != nil {
		return err
	}
	for e, u := range r.unsure {
		u.form, u.near, u.limit = own[e*r.d:(e+1)*r.d], make([]ranked, 0, r.options.K), r.reach(u.row, u.last)
	}
	open := slices.Clone(r.unsure)
	rows := min(memberRows, r.n)
	features, forms := make([]float32, rows*r.d), make([]float32, rows*r.d)
	for from := 0; from < r.n && len(open) > 0; from += rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(r.n, from+rows)
		if err := r.features.Block(features[:(to-from)*r.d], from, to); err != nil {
			return err
		}
		if err := r.read(forms, from, to); err != nil {
			return err
		}
		for _, u := range open {
			u.scan(r.search, features, forms, from, to)
		}
		open = slices.DeleteFunc(open, func(u *unsure) bool { return u.settled(r.options.K) })
	}
	for _, u := range r.unsure {
		r.keepNearest(u.entry, u.near)
	}
	return nil
}

// scan offers the rows from to to−1.
func (u *unsure) scan(s *search, features, forms []float32, from, to int) {
	for j := from; j < to; j++ {
		at, end := (j-from)*s.d, (j-from+1)*s.d
		if int32(j) != u.row && float64(kernel.SquaredDistance(u.form, forms[at:end])) <= u.limit {
			u.add(s, s.ranked(u.x, features[at:end], int32(j)))
		}
	}
}

// reach is a bound on the squared distance, in float32 and in the form used for products, of rows that are not farther than last in the metric. Let x and y
// be two rows in that form, exactly, and B ≥ ‖x−y‖. As each of their numbers is in error by at most 4 units, their difference is longer by at most
// 4u(‖x‖ + ‖y‖) ≤ 4u(2‖x‖ + B); and the sum of its squares, all positive, is in error by at most γ times itself.
func (s *search) reach(row int32, last float64) float64 {
	length, within := 1.0, math.Sqrt(2*(last+float64(s.d+8)*0x1p-51)) // ‖x−y‖² = 2(1 − x·y), with room for the rounding of 1 − x·y in float64
	if s.options.Metric == Euclidean {
		length, within = math.Sqrt(2*float64(s.norm[row])), last*s.scale*(1+0x1p-40)
	}
	within += 4 * unit * (2*length + within)
	terms := float64(s.d+16) * unit
	return within*within*(1+terms/max(unit, 1-terms)) + s.underflow()
}
