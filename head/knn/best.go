package knn

import (
	"cmp"
	"slices"

	"iconic/internal/kernel"
)

// candidate is a row with its score in float32.
type candidate struct {
	score float32
	row   int32
}

// before orders candidates: the higher score first, ties to the lower row.
func (c candidate) before(o candidate) bool {
	return c.score > o.score || c.score == o.score && c.row < o.row
}

// bestList holds the best candidates seen, best first, up to its capacity.
type bestList struct{ candidates []candidate }

// add inserts c if it is among the best, and returns the score below which nothing is accepted any more.
func (b *bestList) add(c candidate) float32 {
	list := b.candidates
	if len(list) == cap(list) {
		if !c.before(list[len(list)-1]) {
			return list[len(list)-1].score
		}
		list = list[:len(list)-1]
	}
	at := len(list)
	list = list[:at+1]
	for at > 0 && c.before(list[at-1]) {
		list[at] = list[at-1]
		at--
	}
	list[at] = c
	b.candidates = list
	if len(list) < cap(list) {
		return worstScore
	}
	return list[len(list)-1].score
}

// worker is the working memory of one goroutine: a block of columns, a tile of scores, and lists of its own for the rows of the panel,
// which all workers compare with.
type worker struct {
	columns, scores []float32
	best            []bestList
	threshold       []float32
	used            bool
}

func newWorker(s *search) *worker {
	rows := min(panelRows, s.n)
	w := &worker{
		columns:   make([]float32, min(blockRows, s.n)*s.d),
		scores:    make([]float32, rows*min(blockRows, s.n)),
		best:      make([]bestList, rows),
		threshold: make([]float32, rows),
	}
	backing := make([]candidate, rows*s.keep)
	for r := range w.best {
		w.best[r].candidates = backing[r*s.keep : r*s.keep : (r+1)*s.keep]
	}
	return w
}

// tile scores the panel's rows lo to hi−1 against rows from to to−1, on or above the diagonal. Rows beyond the panel belong to this tile
// alone while the panel is processed; the panel's own rows are shared by all tiles, so their results go into w's lists.
func (w *worker) tile(s *search, panel, threshold []float32, lo, hi, from, to int) error {
	if err := s.read(w.columns, from, to); err != nil {
		return err
	}
	width := to - from
	kernel.MulTransB(w.scores, width, panel, s.d, w.columns, s.d, hi-lo, s.d, width, false)
	if !w.used { // no list of its own accepts what the panel's lists would refuse
		copy(w.threshold, threshold[lo:hi])
		w.used = true
	}
	inside := from < hi // both rows are in the panel: the pair occurs from both sides, so only the row's side counts
	for r := range hi - lo {
		i := lo + r
		scores := w.scores[r*width : (r+1)*width]
		if s.options.Metric == Euclidean {
			for e := range scores {
				scores[e] -= s.norm[i] + s.norm[from+e]
			}
		}
		limit := w.threshold[r]
		if inside {
			for e, score := range scores {
				if j := from + e; score >= limit && j != i {
					limit = max(limit, w.best[r].add(candidate{score, int32(j)}))
				}
			}
			w.threshold[r] = limit
			continue
		}
		limits := threshold[from:to]
		for e, score := range scores {
			if score >= limit {
				limit = max(limit, w.best[r].add(candidate{score, int32(from + e)}))
			}
			if score >= limits[e] {
				limits[e] = s.best[from+e].add(candidate{score, int32(i)})
			}
		}
		w.threshold[r] = limit
	}
	return nil
}

// merge adds w's lists to those of the panel's rows and empties them.
func (w *worker) merge(s *search, threshold []float32, lo, hi int) {
	if !w.used {
		return
	}
	w.used = false
	for r := range hi - lo {
		for _, c := range w.best[r].candidates {
			threshold[lo+r] = s.best[lo+r].add(c)
		}
		w.best[r].candidates = w.best[r].candidates[:0]
	}
}

// ranked is a row with its distance in float64.
type ranked struct {
	distance float64
	row      int32
}

func sortRanked(list []ranked) {
	slices.SortFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.row, b.row))
	})
}
