package icon

import (
	"math"

	"iconic/head/knn"
)

// StudentTNeighbours is p_ij ∝ (1 + ‖x_i−x_j‖²/ν)^(−(ν+1)/2) over all other points of x (n×d), for at most
// MostPairwise points.
func StudentTNeighbours(x []float32, n, d int, freedom float64) (*Rows, error) {
	if err := checkPairwise(x, n, d); err != nil {
		return nil, err
	}
	if err := positive("degrees of freedom", freedom); err != nil {
		return nil, err
	}
	return Build(n, func(i int, add func(int, float64)) {
		for e := range n - 1 {
			j := other(i, e)
			add(j, math.Pow(1+squareDistance(x, d, i, j)/freedom, -(freedom+1)/2))
		}
	}), nil
}

// StudentTEdges is p_ij ∝ (1 + d²_ij/νs)^(−(ν+1)/2) over the edges of a neighbour graph with Euclidean distances, where s, the mean of the
// squared distances along all edges, corrects for the scale of the features.
func StudentTEdges(g *knn.Graph, freedom float64) (*Rows, error) {
	if err := positive("degrees of freedom", freedom); err != nil {
		return nil, err
	}
	scale := 0.0
	for _, v := range g.Distances {
		scale += float64(v) * float64(v) / float64(len(g.Distances))
	}
	return overEdges(g, func(p, squared []float64) error {
		for e, s := range squared {
			p[e] = math.Pow(1+s/(freedom*max(scale, least)), -(freedom+1)/2)
		}
		return nil
	})
}
