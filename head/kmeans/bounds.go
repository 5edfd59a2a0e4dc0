package kmeans

import (
	"math"

	"iconic/internal/kernel"
)

// bounds tell which rows cannot have changed their cluster (Hamerly 2010, Making k-means even faster). For row i with centroid a, let l be at most
// the distance to the second nearest centroid. If centroids then move, by δ_c each, l − max_{c≠a} δ_c is at most the new distance to any other
// centroid. While the distance to a itself is smaller, a is the nearest. In late rounds that holds for most rows.
//
// The result is the one of comparing all rows with all centroids, to the bit: bounds leave room for the rounding of the scores, so that a row is
// skipped only if its centroid wins by more than that.
type bounds struct {
	lower     []float32 // l of each row
	before    []float32 // centroids before the last update
	far, next float64   // largest movement of a centroid, and the second largest
	farthest  int32     // the centroid that moved farthest
	known     bool      // whether lower holds bounds
}

// Relative room for the rounding of scores and bounds, and of a distance: several times what float32 loses on sums of thousands of terms.
const scoreRoom, distanceRoom = 1e-5, 1e-4

func newBounds(l *lloyd) *bounds {
	return &bounds{lower: make([]float32, l.n), before: make([]float32, len(l.centroids))}
}

// set takes the bound of row i from its scores x·c − ½‖c‖², of which that of its own centroid is the largest; square is ‖x‖². It overwrites the scores.
func (b *bounds) set(i int, scores []float32, own int32, square, largest float32) {
	scores[own] = float32(math.Inf(-1))
	second := float64(square) - 2*float64(kernel.Max(scores)) // ‖x−c‖² of the second nearest; +∞ if there is one centroid
	second -= scoreRoom * float64(square+largest)
	b.lower[i] = float32(math.Sqrt(max(0, second)) * (1 - scoreRoom))
}

// drift takes the movements of the centroids from their last update.
func (b *bounds) drift(l *lloyd) {
	b.far, b.next, b.farthest, b.known = 0, 0, 0, true
	for c := range l.k {
		square := 0.0
		for e := c * l.d; e < (c+1)*l.d; e++ {
			d := float64(l.centroids[e]) - float64(b.before[e])
			square += d * d
		}
		if by := math.Sqrt(square); by > b.far {
			b.far, b.next, b.farthest = by, b.far, int32(c)
		} else {
			b.next = max(b.next, by)
		}
	}
}

// holds moves the bound of row i on by the last movements, and reports whether its centroid, at a squared distance, is still the nearest.
func (b *bounds) holds(i int, own int32, distance float32) bool {
	by := b.far
	if own == b.farthest {
		by = b.next
	}
	l := float64(b.lower[i]) - by*(1+scoreRoom)
	b.lower[i] = float32(l)
	return l > 0 && float64(distance)*(1+distanceRoom) < l*l*(1-distanceRoom)
}
