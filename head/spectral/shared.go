package spectral

import (
	"context"
	"math"
	"slices"

	"iconic/head/knn"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Shared computes M = D^(−½) A D^(−½) of the package documentation, a symmetric matrix over the rows of g. A row whose edges all have
// weight 0 is empty.
func Shared(ctx context.Context, g *knn.Graph, workers int) (*matrix.Sparse, error) {
	weight, err := Weights(ctx, g, workers)
	if err != nil {
		return nil, err
	}
	return Normalised(g, weight), nil
}

// Normalised computes D^(−½) A D^(−½) for the edges of g, in order, with any weights ≥ 0: A = (W + Wᵀ)/2, with D its row sums. A row whose
// edges all have weight 0 is empty.
func Normalised(g *knn.Graph, weight []float32) *matrix.Sparse {
	m := symmetric(g, weight)
	normalise(m)
	return m
}

// Weights computes s_ij² of the package documentation, from 0 to 1, for the edges of g in order.
func Weights(ctx context.Context, g *knn.Graph, workers int) ([]float32, error) {
	const rows = 256
	sorted := make([]int32, g.N*(g.K+1)) // N̄ of each row, ascending
	err := parallel.Blocks(ctx, workers, g.N, rows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			own := sorted[i*(g.K+1) : (i+1)*(g.K+1)]
			copy(own, g.Row(i))
			own[g.K] = int32(i)
			slices.Sort(own)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	weight := make([]float32, g.N*g.K)
	err = parallel.Blocks(ctx, workers, g.N, rows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			for e, j := range g.Row(i) {
				common := intersection(sorted[i*(g.K+1):(i+1)*(g.K+1)], sorted[int(j)*(g.K+1):(int(j)+1)*(g.K+1)])
				share := float32(common) / float32(2*(g.K+1)-common)
				weight[i*g.K+e] = share * share
			}
		}
		return nil
	})
	return weight, err
}

// intersection counts the common entries of two ascending lists.
func intersection(a, b []int32) (common int) {
	for x, y := 0, 0; x < len(a) && y < len(b); {
		switch {
		case a[x] < b[y]:
			x++
		case a[x] > b[y]:
			y++
		default:
			common, x, y = common+1, x+1, y+1
		}
	}
	return common
}

// symmetric is (W + Wᵀ)/2.
func symmetric(g *knn.Graph, weight []float32) *matrix.Sparse {
	type entry struct {
		column int32
		weight float32
	}
	rows := make([][]entry, g.N)
	for i := range g.N {
		for e, j := range g.Row(i) {
			w := weight[i*g.K+e] / 2
			rows[i], rows[j] = append(rows[i], entry{j, w}), append(rows[j], entry{int32(i), w})
		}
	}
	m := &matrix.Sparse{Offset: make([]int, 1, g.N+1)}
	for _, row := range rows {
		slices.SortStableFunc(row, func(a, b entry) int { return int(a.column) - int(b.column) })
		begin := len(m.Column)
		for _, e := range row {
			if last := len(m.Column) - 1; last >= begin && m.Column[last] == e.column {
				m.Weight[last] += e.weight
				continue
			}
			m.Column, m.Weight = append(m.Column, e.column), append(m.Weight, e.weight)
		}
		m.Offset = append(m.Offset, len(m.Column))
	}
	return m
}

// normalise divides entry (i, j) by √(D_i D_j).
func normalise(m *matrix.Sparse) {
	scale := make([]float64, m.Len())
	for i := range scale {
		_, weight := m.Row(i)
		sum := 0.0
		for _, w := range weight {
			sum += float64(w)
		}
		if sum > 0 {
			scale[i] = 1 / math.Sqrt(sum)
		}
	}
	for i := range scale {
		column, weight := m.Row(i)
		for e, j := range column {
			weight[e] = float32(float64(weight[e]) * scale[i] * scale[j])
		}
	}
}
