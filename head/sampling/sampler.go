package sampling

import (
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/train"
	"iconic/matrix"
)

// Sampler draws batches: anchors in a new order every epoch, and one neighbour for each. All draws come from (seed, epoch, item, which), so
// a batch does not depend on previous draws. With views, row v·n+i is view v of image i.
type Sampler struct {
	// Weights are n×K running sums of the weights of the graph's edges, from which neighbours are drawn; nil: equal weights.
	Weights []float32
	// Class of each row, if neighbours are rows of the same class; nil: neighbours in the graph.
	class   []int
	members [][]int32 // rows of each class, ascending

	seed    uint64
	graph   *knn.Graph
	anchors int
	views   int // views per image, including the original; 1: only that
	walk    int // largest number of steps to a neighbour, ≥ 1

	First int // first epoch of this phase: earlier ones belong to another phase

	features matrix.Features
	epoch    int // epoch whose order is kept
	order    []int
}

// New returns a sampler for batches of the given number of anchors from d.
func New(d *method.Data, p method.Pairs, anchors int) *Sampler {
	s := &Sampler{seed: d.Seed, graph: d.Graph, anchors: anchors, views: 1, walk: max(1, p.Walk), features: d.Features, epoch: -1}
	if p.Views && len(d.Views) > 0 {
		s.views += len(d.Views)
		s.features = &matrix.Stacked{N: d.Features.Len(), Sets: append([]matrix.Features{d.Features}, d.Views...)}
	}
	return s
}

// Classes makes the rows of the same class, 0 to classes−1, neighbours.
func (s *Sampler) Classes(class []int, classes int) {
	s.class, s.members = class, make([][]int32, classes)
	for i, c := range class {
		s.members[c] = append(s.members[c], int32(i))
	}
}

// Anchors appends the images that are a step's anchors to dst, without their neighbours. Only one goroutine may use it.
func (s *Sampler) Anchors(dst []int32, b *train.Batch) []int32 {
	s.shuffle(b.Epoch)
	for _, i := range s.order[b.Step*s.anchors : (b.Step+1)*s.anchors] {
		dst = append(dst, int32(i))
	}
	return dst
}

// shuffle computes the order of an epoch.
func (s *Sampler) shuffle(epoch int) {
	if s.epoch != epoch {
		s.epoch, s.order = epoch, s.permutation(s.First+epoch)
	}
}

// Propose fills in the rows and the features of a step. Only one goroutine may use it.
func (s *Sampler) Propose(b *train.Batch) error {
	s.shuffle(b.Epoch)
	b.Rows = s.rows(b.Rows, s.order, s.First+b.Epoch, b.Step)
	b.X = grown(b.X, len(b.Rows)*s.features.Dim())
	return s.features.Gather(b.X, b.Rows)
}

func grown[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// permutation returns the permutation of an epoch.
func (s *Sampler) permutation(epoch int) []int {
	return rand.New(rand.NewPCG(s.seed, 0x6f72646572<<16|uint64(epoch))).Perm(s.graph.N)
}

// rows writes the batch of an epoch's step: anchor, neighbour, anchor, neighbour, …
func (s *Sampler) rows(dst []int32, order []int, epoch, step int) []int32 {
	dst = dst[:0]
	for _, i := range order[step*s.anchors : (step+1)*s.anchors] {
		anchor, partner := s.pair(i, epoch)
		dst = append(dst, anchor, partner)
	}
	return dst
}

// Random draws of an item, in addition to its neighbour.
const (
	drawAnchorView = 1 + iota
	drawPartnerView
	drawOtherView
	drawSteps // steps of walks, and all numbers after it
)

// pair draws a view of image i, and a neighbour: another view of it, or a view of another image. If there are views, each of the other
// views of the image has the same weight as each of its neighbours (I-Con sec. 4: views and neighbours form p together).
func (s *Sampler) pair(i, epoch int) (anchor, partner int32) {
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

// draw returns a number in [0, 1), a different one for each which.
func (s *Sampler) draw(i, epoch, which int) float64 {
	return uniform(s.seed^uint64(which)<<48^uint64(which)>>16, uint64(epoch), uint64(i))
}

// View draws one of so many views of image i in an epoch.
func (s *Sampler) View(i int32, epoch, views int) int {
	return int(s.draw(int(i), s.First+epoch, drawOtherView) * float64(views))
}

// partner draws one neighbour of row i: a row of its class, or the end of a walk of at most s.walk steps from it (P + P² + … + Pᵗ,
// normalised).
func (s *Sampler) partner(i, epoch int) int32 {
	if s.members != nil {
		own := s.members[s.class[i]]
		if len(own) == 1 {
			return int32(i)
		}
		at := int(uniform(s.seed, uint64(epoch), uint64(i)) * float64(len(own)-1)) // among the other rows
		if own[at] >= int32(i) {
			at++
		}
		return own[at]
	}
	return icon.Stroll(int32(i), s.walk, s.neighbour, func(draw int) float64 {
		if draw == 0 {
			return uniform(s.seed, uint64(epoch), uint64(i))
		}
		return s.draw(i, epoch, drawSteps+draw-1)
	})
}

// neighbour is the neighbour of a row in the graph at the share u of its edges' weights.
func (s *Sampler) neighbour(row int32, u float64) int32 {
	i, k := int(row), s.graph.K
	if s.Weights == nil {
		return s.graph.Neighbours[i*k+min(k-1, int(u*float64(k)))]
	}
	sums := s.Weights[i*k : (i+1)*k]
	at := float32(u) * sums[k-1]
	for e, sum := range sums {
		if at < sum {
			return s.graph.Neighbours[i*k+e]
		}
	}
	return s.graph.Neighbours[i*k+k-1]
}

// Rows returns the distribution over the images from which partners are drawn, for plotting. With views it is that of the original images:
// the share of partners that are other views of the same image is left out.
func (s *Sampler) Rows() (*icon.Rows, error) {
	if s.class != nil {
		return icon.Labels(s.class), nil
	}
	one := icon.Build(s.graph.N, func(i int, add func(int, float64)) {
		before := float32(0)
		for e, j := range s.graph.Row(i) {
			weight := float32(1)
			if s.Weights != nil {
				sum := s.Weights[i*s.graph.K+e]
				weight, before = sum-before, sum
			}
			if int(j) != i { // the row has no neighbours
				add(int(j), float64(weight))
			}
		}
	})
	if s.walk == 1 {
		return one, nil
	}
	return icon.Walk(one, s.walk)
}

// uniform returns a number in [0, 1) that depends only on its three arguments (splitmix64, Steele et al. 2014).
func uniform(seed, epoch, item uint64) float64 {
	return float64(mix(mix(mix(seed)+epoch)+item)>>11) / (1 << 53)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Partners is the supervisory distribution of a batch: row i's only neighbour is row i xor 1.
func Partners(rows int) *icon.Rows {
	p := &icon.Rows{Offset: make([]int, rows+1), Column: make([]int32, rows), Weight: make([]float32, rows)}
	for i := range rows {
		p.Offset[i+1], p.Column[i], p.Weight[i] = i+1, int32(i^1), 1
	}
	return p
}

// Halves splits the features of a batch's n rows of d numbers into those of the anchors and those of their partners.
func Halves(x []float32, n, d int) (anchors, partners []float32) {
	anchors, partners = make([]float32, 0, n/2*d), make([]float32, 0, n/2*d)
	for i := 0; i < n; i += 2 {
		anchors = append(anchors, x[i*d:(i+1)*d]...)
		partners = append(partners, x[(i+1)*d:(i+2)*d]...)
	}
	return anchors, partners
}
