package clustering

import (
	"context"
	"math"

	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// agreement gives each edge (i, j) of the graph the weight Σ_c φ_ic φ_jc, the probability that l puts both into one cluster, as running
// sums over the edges of i.
func agreement(ctx context.Context, d *method.Data, l *linear.Head) ([]float32, error) {
	const rows = 64
	n, k, dim := d.Graph.N, d.Graph.K, d.Features.Dim()
	sums := make([]float32, n*k)
	err := parallel.Blocks(ctx, d.Workers, n, rows, func(_, lo, hi int) error {
		own, x := make([]float32, (hi-lo)*l.Clusters), make([]float32, (hi-lo)*k*dim)
		other := make([]float32, (hi-lo)*k*l.Clusters)
		if err := d.Features.Block(x[:(hi-lo)*dim], lo, hi); err != nil {
			return err
		}
		l.Assignments(own, x, hi-lo)
		if err := d.Features.Gather(x, d.Graph.Neighbours[lo*k:hi*k]); err != nil {
			return err
		}
		l.Assignments(other, x, (hi-lo)*k)
		for i := lo; i < hi; i++ {
			sum := float32(0)
			phi := own[(i-lo)*l.Clusters : (i-lo+1)*l.Clusters]
			for e := range k {
				at := ((i-lo)*k + e) * l.Clusters
				sum += max(1e-6, kernel.Dot(phi, other[at:at+l.Clusters])) // never exclude an edge
				sums[i*k+e] = sum
			}
		}
		return nil
	})
	return sums, err
}

// Weights returns the weights exp(−d²_ij/(d_i d_j)) of a graph's edges, where d_i is the distance to i's last neighbour (self-tuning:
// Zelnik-Manor and Perona 2004).
func Weights(g *knn.Graph) []float32 {
	last := func(i int32) float64 { return max(1e-12, float64(g.Distances[(int(i)+1)*g.K-1])) }
	w := make([]float32, len(g.Neighbours))
	for i := range g.N {
		for e, j := range g.Row(i) {
			d := float64(g.Distances[i*g.K+e])
			w[i*g.K+e] = float32(math.Exp(-d * d / (last(int32(i)) * last(j))))
		}
	}
	return w
}

// running turns weights of the K edges of each row into running sums.
func running(w []float32, k int) []float32 {
	for i := 0; i < len(w); i += k {
		for e := 1; e < k; e++ {
			w[i+e] += w[i+e-1]
		}
	}
	return w
}
