package head

import (
	"math/rand/v2"

	"iconic/head/knn"
	"iconic/internal/sparse"
)

// sampler draws batches: anchors in a new order every epoch, and for each one of its neighbours. All draws come from (seed,
// epoch, item), so a batch does not depend on what was drawn before it.
type sampler struct {
	seed       uint64
	graph      *knn.Graph
	cumulative []float32 // n×K running sums of edge weights; nil: all alike
	anchors    int
}

// order is the permutation of an epoch.
func (s *sampler) order(epoch int) []int {
	return rand.New(rand.NewPCG(s.seed, 0x6f72646572<<16|uint64(epoch))).Perm(s.graph.N)
}

// rows writes the batch of an epoch's step: anchor, neighbour, anchor, neighbour, …
func (s *sampler) rows(dst []int32, order []int, epoch, step int) []int32 {
	dst = dst[:0]
	for _, i := range order[step*s.anchors : (step+1)*s.anchors] {
		dst = append(dst, int32(i), s.neighbour(i, epoch))
	}
	return dst
}

// neighbour draws one neighbour of row i.
func (s *sampler) neighbour(i, epoch int) int32 {
	u := uniform(s.seed, uint64(epoch), uint64(i))
	k := s.graph.K
	if s.cumulative == nil {
		return s.graph.Neighbours[i*k+min(k-1, int(u*float64(k)))]
	}
	sums := s.cumulative[i*k : (i+1)*k]
	at := float32(u) * sums[k-1]
	for e, sum := range sums {
		if at < sum {
			return s.graph.Neighbours[i*k+e]
		}
	}
	return s.graph.Neighbours[i*k+k-1]
}

// uniform is a number from 0 to below 1 that depends on its three arguments alone (splitmix64, Steele et al. 2014).
func uniform(seed, epoch, item uint64) float64 {
	return float64(mix(mix(mix(seed)+epoch)+item)>>11) / (1 << 53)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// partners is the supervisory distribution of a batch: row i's only neighbour is row i xor 1.
func partners(rows int) *sparse.Rows {
	p := &sparse.Rows{Offset: make([]int, rows+1), Column: make([]int32, rows), Weight: make([]float32, rows)}
	for i := range rows {
		p.Offset[i+1], p.Column[i], p.Weight[i] = i+1, int32(i^1), 1
	}
	return p
}
