package kmeans

import (
	"math"

	"iconic/internal/kernel"
)

const (
	// groupSize is the number of centroids of a group: what one product computes for a row. It is the width of a whole tile of the AVX2 and NEON
	// kernels, and of half a tile with AVX-512.
	groupSize = 16
	// mostSpans is the largest number of bounds of a row. Each is for a span of groups: one group as long as there are few groups and rows.
	mostSpans = 64
)

// groups are the centroids, groupSize after groupSize, packed for products.
type groups struct {
	k, d, count int
	span, spans int                  // groups that share a bound, and their number
	half        [][groupSize]float32 // of each group: ½‖c‖² of its centroids, +∞ beyond the last
	packed      []float32            // count groups of slivers
	slivers     int                  // of a group
	width       int                  // columns of the products of a group: those of whole tiles
}

func newGroups(k, d int) *groups {
	_, columns := kernel.TileShape()
	g := &groups{k: k, d: d, count: (k + groupSize - 1) / groupSize, slivers: (groupSize + columns - 1) / columns}
	g.width = g.slivers * columns
	g.cut(mostSpans)
	g.packed, g.half = make([]float32, g.count*g.width*d), make([][groupSize]float32, g.count)
	for e := range groupSize {
		g.half[g.count-1][e] = float32(math.Inf(1))
	}
	return g
}

// pack takes the centroids, k×d, and ½‖c‖² of each.
func (g *groups) pack(centroids, half []float32) {
	columns := g.width / g.slivers
	for c := range g.k {
		g.half[c/groupSize][c%groupSize] = half[c]
		at := c / groupSize * g.width * g.d
		e := c % groupSize
		to := g.packed[at+e/columns*columns*g.d+e%columns:]
		for p, v := range centroids[c*g.d : (c+1)*g.d] {
			to[p*columns] = v
		}
	}
}

// size is the number of centroids of a group.
func (g *groups) size(group int) int { return min(groupSize, g.k-group*groupSize) }

// cut makes at most that many spans.
func (g *groups) cut(most int) {
	g.span = (g.count + most - 1) / most
	g.spans = (g.count + g.span - 1) / g.span
}

// of returns the first group of a span, and the first after it.
func (g *groups) of(span int) (first, end int) { return span * g.span, min(g.count, (span+1)*g.span) }

// spanOf is the span of a centroid.
func (g *groups) spanOf(c int32) int { return int(c) / groupSize / g.span }

// products writes the products of m rows of x with the centroids of a group into scores, width apart. x and scores must have space for m rounded
// up to a multiple of the rows of a tile.
func (g *groups) products(scores, x []float32, group, m int) {
	columns := g.width / g.slivers
	kernel.MulPacked(scores, g.width, x, g.d, 1, g.packed[group*g.width*g.d:], columns*g.d, m, g.d, g.size(group), false)
}

// comparison is the comparison of a block of rows with the spans of groups that may have their nearest centroid. Numbers of rows are within the
// block.
type comparison struct {
	open []int32   // the rows that are compared
	of   [][]int32 // of each span: the rows that are compared with its centroids
	best []winner  // of each row

	x, scores     []float32 // the rows of one span, and their scores in a group
	at            []int32   // of each row of one group: its nearest centroid there,
	first, second []float32 // the score of that one and the second largest
	inSpan        []winner  // of each row of one span
}

// winner is the nearest centroid of a row so far.
type winner struct {
	centroid int32
	score    float32 // x·c − ½‖c‖², which is ½‖x‖² − ½‖x−c‖²
	second   float32 // the second largest score in its span
}

// nowhere is where a row is before it is compared.
func nowhere() winner { return winner{0, float32(math.Inf(-1)), float32(math.Inf(-1))} }

func newComparison(l *lloyd) *comparison {
	tile, _ := kernel.TileShape()
	rows := min(blockRows, l.n)
	most := (rows + tile - 1) / tile * tile
	return &comparison{
		of: make([][]int32, l.groups.spans), best: make([]winner, rows), inSpan: make([]winner, rows),
		x: make([]float32, most*l.d), scores: make([]float32, most*l.groups.width),
		at: make([]int32, rows), first: make([]float32, rows), second: make([]float32, rows),
	}
}

// block decides which rows from lo to hi−1 are compared with which spans, and sets the distances of the others. largest is as for compare.
func (c *comparison) block(l *lloyd, lo, hi int, x []float32, largest float32) {
	c.open = c.open[:0]
	for span := range c.of {
		c.of[span] = c.of[span][:0]
	}
	for i := lo; i < hi; i++ {
		e, own := int32(i-lo), l.assignment[i]
		if l.bounds != nil && l.bounds.known {
			l.distance[i] = l.to(x[int(e)*l.d:(int(e)+1)*l.d], own)
			if !l.bounds.opens(i, own, l.groups.spanOf(own), l.distance[i], l.square[i]+largest, func(span int) { c.of[span] = append(c.of[span], e) }) {
				continue
			}
		} else {
			for span := range c.of {
				c.of[span] = append(c.of[span], e)
			}
		}
		c.open = append(c.open, e)
		c.best[e] = nowhere()
	}
}

// compare finds the nearest centroids of the open rows, ties to the lowest index, and their new bounds. largest is the largest squared norm of a
// centroid.
func (c *comparison) compare(l *lloyd, lo int, x []float32, largest float32) {
	whole := false // whether c.x has all rows of the block
	for span, rows := range c.of {
		if len(rows) == 0 {
			continue
		}
		if len(rows)*l.d < len(x) || !whole { // the rows of one span are often those of the next: all of the block
			for k, e := range rows {
				copy(c.x[k*l.d:(k+1)*l.d], x[int(e)*l.d:])
			}
			whole = len(rows)*l.d == len(x)
		}
		for k, w := range c.within(l, span, len(rows)) {
			e := rows[k]
			if l.bounds != nil {
				l.bounds.set(lo+int(e), span, w.score, l.square[lo+int(e)], largest)
			}
			if w.score > c.best[e].score {
				c.best[e] = w
			}
		}
	}
	if l.bounds == nil {
		return
	}
	for _, e := range c.open {
		l.bounds.set(lo+int(e), l.groups.spanOf(c.best[e].centroid), c.best[e].second, l.square[lo+int(e)], largest)
	}
}

// within returns the nearest centroid in a span of each of the first rows of c.x.
func (c *comparison) within(l *lloyd, span, rows int) []winner {
	at, first, second, best := c.at[:rows], c.first[:rows], c.second[:rows], c.inSpan[:rows]
	for k := range best {
		best[k] = nowhere()
	}
	from, end := l.groups.of(span)
	for g := from; g < end; g++ {
		l.groups.products(c.scores, c.x, g, rows)
		kernel.LargestTwo(at, first, second, c.scores, l.groups.width, &l.groups.half[g])
		for k := range best {
			w := &best[k]
			if first[k] > w.score {
				*w = winner{int32(g*groupSize) + at[k], first[k], max(w.score, second[k])}
			} else {
				w.second = max(w.second, first[k])
			}
		}
	}
	return best
}
