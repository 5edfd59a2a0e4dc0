package head

import (
	"math/rand/v2"

	"iconic/head/knn"
	"iconic/internal/sparse"
)

// sampler draws batches: anchors in a new order every epoch, and for each one of its neighbours. All draws come from (seed,
// epoch, item, which), so a batch does not depend on what was drawn before it. With views, row v·n+i is view v of image i.
type sampler struct {
	seed       uint64
	graph      *knn.Graph
	cumulative []float32 // n×K running sums of edge weights; nil: all alike
	anchors    int
	views      int       // of each image, the plain one counted; 1: none besides
	walk       int       // most steps to a neighbour, ≥ 1
	members    [][]int32 // of each class, and class of each row: neighbours are of the same class; nil: those of the graph
	class      []int
}

// sampler is that of the settings.
func (t *training) sampler() *sampler {
	s := &sampler{seed: t.config.Seed, graph: t.graph, anchors: t.config.anchors(), views: 1, walk: max(1, t.config.Walk)}
	if t.config.Views {
		s.views += len(t.options.Views)
	}
	switch t.config.Method {
	case "normalized-cuts":
		s.cumulative = running(weighted(t.graph), t.graph.K)
	case "supervised-clustering":
		s.class = t.options.Labels
		s.members = make([][]int32, t.config.Clusters)
		for i, c := range s.class {
			s.members[c] = append(s.members[c], int32(i))
		}
	}
	return s
}

// sampled is the features that batches are drawn from, all views of them, scaled alike.
func (t *training) sampled() Features {
	if !t.config.Views || len(t.options.Views) == 0 {
		return t.features
	}
	all := &stacked{n: t.features.Len(), sets: []Features{t.features}}
	for _, v := range t.options.Views {
		if t.scaled != nil {
			v = &standardized{Features: v, mean: t.scaled.mean, inverse: t.scaled.inverse}
		}
		all.sets = append(all.sets, v)
	}
	return all
}

// stacked is several sets of n rows, one after the other.
type stacked struct {
	sets []Features
	n    int
}

func (s *stacked) Len() int { return s.n * len(s.sets) }
func (s *stacked) Dim() int { return s.sets[0].Dim() }

func (s *stacked) Block(dst []float32, lo, hi int) error {
	rows := make([]int32, 0, hi-lo)
	for i := lo; i < hi; i++ {
		rows = append(rows, int32(i))
	}
	return s.Gather(dst, rows)
}

func (s *stacked) Gather(dst []float32, rows []int32) error {
	d := s.Dim()
	for v, set := range s.sets {
		var own []int32
		var places []int
		for e, r := range rows {
			if int(r)/s.n == v {
				own, places = append(own, r%int32(s.n)), append(places, e)
			}
		}
		if len(own) == 0 {
			continue
		}
		x := make([]float32, len(own)*d)
		if err := set.Gather(x, own); err != nil {
			return err
		}
		for e, place := range places {
			copy(dst[place*d:(place+1)*d], x[e*d:(e+1)*d])
		}
	}
	return nil
}

// order is the permutation of an epoch.
func (s *sampler) order(epoch int) []int {
	return rand.New(rand.NewPCG(s.seed, 0x6f72646572<<16|uint64(epoch))).Perm(s.graph.N)
}

// rows writes the batch of an epoch's step: anchor, neighbour, anchor, neighbour, …
func (s *sampler) rows(dst []int32, order []int, epoch, step int) []int32 {
	dst = dst[:0]
	for _, i := range order[step*s.anchors : (step+1)*s.anchors] {
		anchor, partner := s.pair(i, epoch)
		dst = append(dst, anchor, partner)
	}
	return dst
}

// Draws of an item, besides that of its neighbour.
const (
	drawAnchorView = 1 + iota
	drawPartnerView
	drawOtherView
	drawSteps
	drawStep // and those after it
)

// pair draws a view of image i, and a neighbour: another view of it, or a view of another image. Where there are views, each of the
// other views of the image counts as much as each of its neighbours (I-Con sec. 4: views and neighbours form p together).
func (s *sampler) pair(i, epoch int) (anchor, partner int32) {
	if s.views == 1 {
		return int32(i), s.partner(i, epoch)
	}
	n := s.graph.N
	at := func(view int, j int32) int32 { return int32(view*n) + j }
	view := int(s.draw(i, epoch, drawAnchorView) * float64(s.views))
	others := float64(s.views - 1)
	if u := s.draw(i, epoch, drawOtherView) * (others + float64(s.graph.K)); u < others {
		return at(view, int32(i)), at((view+1+int(u))%s.views, int32(i))
	}
	return at(view, int32(i)), at(int(s.draw(i, epoch, drawPartnerView)*float64(s.views)), s.partner(i, epoch))
}

// draw is a number from 0 to below 1, another one for each which.
func (s *sampler) draw(i, epoch, which int) float64 {
	return uniform(s.seed^uint64(which)<<48, uint64(epoch), uint64(i))
}

// partner draws one neighbour of row i: of its class, or where a walk of so many steps from it ends (P + P² + … + Pᵗ, normalised).
func (s *sampler) partner(i, epoch int) int32 {
	if s.members != nil {
		own := s.members[s.class[i]]
		at := int(uniform(s.seed, uint64(epoch), uint64(i)) * float64(len(own)))
		if int(own[at]) == i { // not itself, unless it is alone
			at = (at + 1) % len(own)
		}
		return own[at]
	}
	j := s.neighbour(i, uniform(s.seed, uint64(epoch), uint64(i)))
	if s.walk == 1 {
		return j
	}
	for step := range int(s.draw(i, epoch, drawSteps) * float64(s.walk)) {
		if k := s.neighbour(int(j), s.draw(i, epoch, drawStep+step)); int(k) != i {
			j = k
		}
	}
	return j
}

// neighbour is the neighbour of row i in the graph at the share u of its edges' weights.
func (s *sampler) neighbour(i int, u float64) int32 {
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
