package kmeans

import "math"

// bounds tell which spans of groups of centroids cannot have the nearest one of a row (Ding et al. 2015, Yinyang k-means; with one group Hamerly 2010, Making
// k-means even faster). For row i with centroid a, let l_g be at most the distance to the nearest centroid of span g other than a. If centroids then
// move, by δ_c each, l_g − max_{c∈g, c≠a} δ_c is at most the new distance to any of them. While the distance to a itself is smaller, none of g is
// nearer than a. In late rounds that holds for most rows and groups.
//
// The result is the one of comparing all rows with all centroids, to the bit: bounds leave room for the rounding of the scores, so that a span is
// skipped only if the row's centroid wins by more than that.
type bounds struct {
	spans  int
	lower  []float32 // l_g of each row and span of groups
	before []float32 // centroids before the last update
	drifts []drift   // of each span
	known  bool      // whether lower holds bounds
}

// drift is how far the centroids of a span have moved.
type drift struct {
	far, next float32 // the largest movement, and the second largest
	farthest  int32   // the centroid that moved farthest
}

// Relative room for the rounding of scores and bounds, and of a distance: several times what float32 loses on sums of thousands of terms.
const scoreRoom, distanceRoom = 1e-5, 1e-4

func newBounds(l *lloyd) *bounds {
	n := l.groups.spans
	return &bounds{spans: n, lower: make([]float32, l.n*n), before: make([]float32, len(l.centroids)), drifts: make([]drift, n)}
}

// set takes the bound of row i and a span from its largest score x·c − ½‖c‖² there; square is ‖x‖².
func (b *bounds) set(i, span int, score, square, largest float32) {
	distance := float64(square) - 2*float64(score) - scoreRoom*float64(square+largest) // +∞ if there is no centroid
	b.lower[i*b.spans+span] = float32(math.Sqrt(max(0, distance)) * (1 - scoreRoom))
}

// drift takes the movements of the centroids from their last update.
func (b *bounds) drift(l *lloyd) {
	b.known = true
	for span := range b.drifts {
		moved := drift{}
		from, end := l.groups.of(span)
		for c := from * groupSize; c < min(l.k, end*groupSize); c++ {
			square := 0.0
			for e := c * l.d; e < (c+1)*l.d; e++ {
				d := float64(l.centroids[e]) - float64(b.before[e])
				square += d * d
			}
			if by := float32(math.Sqrt(square) * (1 + scoreRoom)); by > moved.far {
				moved = drift{by, moved.far, int32(c)}
			} else {
				moved.next = max(moved.next, by)
			}
		}
		b.drifts[span] = moved
	}
}

// opens moves the bounds of row i on by the last movements, and calls open for each span that may have a nearer centroid than its own, in span home
// at a squared distance. If there is any, home is one of them. It reports whether there is. size is the sum of the squared norms of the row and of the
// largest centroid, in proportion to which scores are rounded.
func (b *bounds) opens(i int, own int32, home int, distance, size float32, open func(span int)) bool {
	lower := b.lower[i*b.spans : (i+1)*b.spans]
	border := float32(math.Sqrt(float64(distance)*(1+distanceRoom)/(1-distanceRoom) + scoreRoom*float64(size)))
	some := false
	for span := range lower {
		by := b.drifts[span].far
		if own == b.drifts[span].farthest {
			by = b.drifts[span].next
		}
		lower[span] -= by
		if border < lower[span] {
			continue
		}
		some = true
		if span != home {
			open(span)
		}
	}
	if some {
		open(home)
	}
	return some
}
