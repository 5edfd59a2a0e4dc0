package icon

import (
	"iconic/head/knn"
)

// KNN is the uniform distribution over the neighbours in a graph. A point without neighbours in the graph has none here.
func KNN(g *knn.Graph) *Rows {
	return Build(g.N, func(i int, add func(int, float64)) {
		for _, j := range g.Row(i) {
			if int(j) != i {
				add(int(j), 1)
			}
		}
	})
}
