package kmeans

import "math"

// bounds tell which groups of centroids cannot have the nearest one of a row (Ding et al. 2015, Yinyang k-means; with one group Hamerly 2010, Making
// k-means even faster). For row i with centroid a, let l_g be at most the distance to the nearest centroid of group g other than a. If centroids then
// move, by δ_c each, l_g − max_{c∈g, c≠a} δ_c is at most the new distance to any of them. While the distance to a itself is smaller, none of g is
// nearer than a. In late rounds that holds for most rows and groups.
//
// The result is the one of comparing all rows with all centroids, to the bit: bounds leave room for the rounding of the scores, so that a group is
// skipped only if the row's centroid wins by more than that.
type bounds struct {
	groups int
	lower  []float32 // l_g of each row and group
	before []float32 // centroids before the last update
	drifts []drift   // of each group
	known  bool      // whether lower holds bounds
}

// drift is how far the centroids of a group have moved.
type drift struct {
	far, next float32 // the largest movement, and the second largest
	farthest  int32   // the centroid that moved farthest
}

// Relative room for the rounding of scores and bounds, and of a distance: several times what float32 loses on sums of thousands of terms.
const scoreRoom, distanceRoom = 1e-5, 1e-4

func newBounds(l *lloyd) *bounds {
	g := l.groups.count
	return &bounds{groups: g, lower: make([]float32, l.n*g), before: make([]float32, len(l.centroids)), drifts: make([]drift, g)}
}

// set takes the bound of row i and a group from its largest score x·c − ½‖c‖² there; square is ‖x‖².
func (b *bounds) set(i, group int, score, square, largest float32) {
	distance := float64(square) - 2*float64(score) - scoreRoom*float64(square+largest) // +∞ if there is no centroid
	b.lower[i*b.groups+group] = float32(math.Sqrt(max(0, distance)) * (1 - scoreRoom))
}

// drift takes the movements of the centroids from their last update.
func (b *bounds) drift(l *lloyd) {
	b.known = true
	for g := range b.drifts {
		moved := drift{}
		for c := g * groupSize; c < g*groupSize+l.groups.size(g); c++ {
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
		b.drifts[g] = moved
	}
}

// opens moves the bounds of row i on by the last movements, and calls open for each group that may have a nearer centroid than its own, at a
// squared distance. If there is any, the own group is one of them. It reports whether there is.
func (b *bounds) opens(i int, own int32, distance float32, open func(group int)) bool {
	lower := b.lower[i*b.groups : (i+1)*b.groups]
	border := float32(math.Sqrt(float64(distance) * (1 + distanceRoom) / (1 - distanceRoom)))
	some, home := false, int(own)/groupSize
	for g := range lower {
		by := b.drifts[g].far
		if g == home && own == b.drifts[g].farthest {
			by = b.drifts[g].next
		}
		lower[g] -= by
		if border < lower[g] {
			continue
		}
		some = true
		if g != home {
			open(g)
		}
	}
	if some {
		open(home)
	}
	return some
}
