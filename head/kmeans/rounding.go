package kmeans

import (
	"math"

	"iconic/internal/kernel"
)

// roundingShare is the most by which rounding may let the squared distance of a row to its centroid exceed that to the nearest, as a share of it. The bound
// is for the worst case; a sum of d rounded products is usually √d times as accurate.
const roundingShare = 1. / 16

// farFrom returns how large the squared length of a row of d numbers may be, as a multiple of its squared distance to the centroid that products have found to
// be the nearest; of a longer row, they may have lost the distances.
//
// A score x·c − ½‖c‖² is in error by at most γ(‖x‖‖c‖ + ½‖c‖²) ≤ ½γ(‖x‖ + ‖c‖)², with γ = d·u/(1 − d·u), u the unit of rounding, and a few more terms in γ for
// the rounding of the frame and of the difference (Higham 2002, sec. 3.1). Let r be the distance to the centroid that was found, so that ‖c‖ ≤ ‖x‖ + r for this
// one and the nearest. If both errors are as large as that, the squared distance to the nearest is less by at most 2γ(2‖x‖ + r)². That is at most the share s
// of r² while ‖x‖ ≤ ½(√(s/2γ) − 1)·r.
func farFrom(d int) float32 {
	terms := float64(d+16) * 0x1p-24
	if terms >= roundingShare/4 {
		return 0 // so many numbers that all rows are compared directly
	}
	most := (math.Sqrt(roundingShare*(1-terms)/(2*terms)) - 1) / 2
	return float32(most * most)
}

// direct returns the nearest of the centroids, k×d, to a row by the squares of differences, which keep the digits that products lose, and its squared distance; ties
// go to the lowest.
func direct(row, centroids []float32) (int32, float32) {
	d := len(row)
	best, nearest := int32(0), float32(math.Inf(1))
	for c := 0; c*d < len(centroids); c++ {
		if distance := kernel.SquaredDistance(row, centroids[c*d:(c+1)*d]); distance < nearest {
			best, nearest = int32(c), distance
		}
	}
	return best, nearest
}

// chosen returns the nearest centroid of row i, open row e of a comparison, and its squared distance.
func (l *lloyd) chosen(c *comparison, i int, e int32, row []float32, largest float32) (int32, float32) {
	found := c.best[e]
	distance := l.to(row, found.centroid)
	if l.square[i] <= l.far*distance {
		return found.centroid, distance
	}
	to, distance := direct(row, l.centroids)
	if to != found.centroid && l.bounds != nil { // it may win in its span by rounding alone, so the bound there must count it, too
		l.bounds.set(i, l.groups.spanOf(found.centroid), found.score, l.square[i], largest)
	}
	return to, distance
}
