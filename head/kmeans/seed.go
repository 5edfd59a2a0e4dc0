package kmeans

import (
	"context"
	"math"
	"math/rand/v2"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// seed chooses the first centroids by k-means++ (Arthur and Vassilvitskii 2007): each next one is a row drawn with probability proportional
// to its squared distance to the nearest centroid so far. For large sets it uses a random sample of SeedRows rows per cluster.
func (l *lloyd) seed(ctx context.Context, r *rand.Rand) error {
	rows := l.sample(r)
	m := len(rows)
	x := make([]float32, m*l.d)
	err := parallel.Blocks(ctx, l.options.Workers, m, blockRows, func(_, lo, hi int) error {
		return l.gather(x[lo*l.d:hi*l.d], rows[lo:hi])
	})
	if err != nil {
		return err
	}
	distance := make([]float64, m)
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	sums := make([]float64, parallel.Count(m, blockRows))
	chosen := r.IntN(m)
	for c := range l.k {
		centroid := l.centroids[c*l.d : (c+1)*l.d]
		copy(centroid, x[chosen*l.d:(chosen+1)*l.d])
		if c == l.k-1 {
			break
		}
		own := float64(l.square[rows[chosen]])
		err := parallel.Blocks(ctx, l.options.Workers, m, blockRows, func(b, lo, hi int) error {
			sums[b] = 0
			for i := lo; i < hi; i++ {
				d := max(0, float64(l.square[rows[i]])+own-2*float64(kernel.Dot(centroid, x[i*l.d:(i+1)*l.d])))
				distance[i] = min(distance[i], d)
				sums[b] += distance[i]
			}
			return nil
		})
		if err != nil {
			return err
		}
		distance[chosen] = 0
		chosen = draw(r, distance, sums)
	}
	return nil
}

// sample returns the rows to seed from, ascending.
func (l *lloyd) sample(r *rand.Rand) []int32 {
	most := l.options.SeedRows * l.k
	if l.n > most {
		return matrix.RandomRows(r, l.n, most)
	}
	rows := make([]int32, l.n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

// draw returns an index with probability proportional to its weight; sums has the sums of blocks of weights. If all weights are zero (fewer
// distinct rows than clusters) it may return any index.
func draw(r *rand.Rand, weight, sums []float64) int {
	total := 0.0
	for _, s := range sums {
		total += s
	}
	if !(total > 0) {
		return r.IntN(len(weight))
	}
	at := r.Float64() * total
	block := 0
	for block < len(sums)-1 && at >= sums[block] {
		at -= sums[block]
		block++
	}
	last := block * blockRows
	for i := block * blockRows; i < min(len(weight), (block+1)*blockRows); i++ {
		if weight[i] > 0 {
			last = i
			if at < weight[i] {
				return i
			}
			at -= weight[i]
		}
	}
	return last // rounding went past the end
}
