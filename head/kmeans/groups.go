package kmeans

import (
	"math"

	"iconic/internal/kernel"
)

// groupSize is the number of centroids of a group: what one product computes for a row. It is the width of a whole tile of the AVX2 and NEON
// kernels, and of half a tile with AVX-512.
const groupSize = 16

// groups are the centroids, groupSize after groupSize, packed for products.
type groups struct {
	k, d, count int
	half        [][groupSize]float32 // of each group: ½‖c‖² of its centroids, +∞ beyond the last
	packed      []float32            // count groups of slivers
	slivers     int                  // of a group
	width       int                  // columns of the products of a group: those of whole tiles
}

func newGroups(k, d int) *groups {
	_, columns := kernel.TileShape()
	g := &groups{k: k, d: d, count: (k + groupSize - 1) / groupSize, slivers: (groupSize + columns - 1) / columns}
	g.width = g.slivers * columns
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

// products writes the products of m rows of x with the centroids of a group into scores, width apart. x and scores must have space for m rounded
// up to a multiple of the rows of a tile.
func (g *groups) products(scores, x []float32, group, m int) {
	columns := g.width / g.slivers
	kernel.MulPacked(scores, g.width, x, g.d, 1, g.packed[group*g.width*g.d:], columns*g.d, m, g.d, g.size(group), false)
}

// comparison is the comparison of a block of rows with the groups that may have their nearest centroid. Numbers of rows are within the block.
type comparison struct {
	open []int32   // the rows that are compared
	of   [][]int32 // of each group: the rows that are compared with its centroids
	best []winner  // of each row

	x, scores     []float32 // the rows of one group, and their scores
	at            []int32   // of each row of one group: its nearest centroid there,
	first, second []float32 // the score of that one and the second largest
}

// winner is the nearest centroid of a row so far.
type winner struct {
	centroid int32
	score    float32 // x·c − ½‖c‖², which is ½‖x‖² − ½‖x−c‖²
	second   float32 // the second largest score in its group
}

func newComparison(l *lloyd) *comparison {
	tile, _ := kernel.TileShape()
	rows := min(blockRows, l.n)
	most := (rows + tile - 1) / tile * tile
	return &comparison{
		of: make([][]int32, l.groups.count), best: make([]winner, rows),
		x: make([]float32, most*l.d), scores: make([]float32, most*l.groups.width),
		at: make([]int32, rows), first: make([]float32, rows), second: make([]float32, rows),
	}
}

// block decides which rows from lo to hi−1 are compared with which groups, and sets the distances of the others.
func (c *comparison) block(l *lloyd, lo, hi int, x []float32) {
	c.open = c.open[:0]
	for g := range c.of {
		c.of[g] = c.of[g][:0]
	}
	for i := lo; i < hi; i++ {
		e, own := int32(i-lo), l.assignment[i]
		if l.bounds != nil && l.bounds.known {
			l.distance[i] = l.to(x[int(e)*l.d:(int(e)+1)*l.d], own)
			if !l.bounds.opens(i, own, l.distance[i], func(group int) { c.of[group] = append(c.of[group], e) }) {
				continue
			}
		} else {
			for g := range c.of {
				c.of[g] = append(c.of[g], e)
			}
		}
		c.open = append(c.open, e)
		c.best[e] = winner{-1, float32(math.Inf(-1)), 0}
	}
}

// compare finds the nearest centroids of the open rows, ties to the lowest index, and their new bounds. largest is the largest squared norm of a
// centroid.
func (c *comparison) compare(l *lloyd, lo int, x []float32, largest float32) {
	whole := false // whether c.x has all rows of the block
	for g, rows := range c.of {
		if len(rows) == 0 {
			continue
		}
		if len(rows)*l.d < len(x) || !whole { // the rows of one group are often those of the next: all of the block
			for k, e := range rows {
				copy(c.x[k*l.d:(k+1)*l.d], x[int(e)*l.d:])
			}
			whole = len(rows)*l.d == len(x)
		}
		l.groups.products(c.scores, c.x, g, len(rows))
		at, first, second := c.at[:len(rows)], c.first[:len(rows)], c.second[:len(rows)]
		kernel.LargestTwo(at, first, second, c.scores, l.groups.width, &l.groups.half[g])
		for k, e := range rows {
			if l.bounds != nil {
				l.bounds.set(lo+int(e), g, first[k], l.square[lo+int(e)], largest)
			}
			if first[k] > c.best[e].score {
				c.best[e] = winner{int32(g*groupSize) + at[k], first[k], second[k]}
			}
		}
	}
	if l.bounds == nil {
		return
	}
	for _, e := range c.open {
		l.bounds.set(lo+int(e), int(c.best[e].centroid)/groupSize, c.best[e].second, l.square[lo+int(e)], largest)
	}
}
