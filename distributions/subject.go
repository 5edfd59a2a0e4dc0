package distributions

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/features"
	"iconic/head"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/matrix"
)

// MostPoints is the largest number of points drawn: a larger set is sampled.
const MostPoints = 1000

// Subject holds the points to train a method on and to draw.
type Subject struct {
	Features head.Features
	Inputs   head.Inputs // what methods need besides features
	Classes  int         // of the labels; 0: there are none
	Point    int         // the row of Features around which p and q are drawn
	Name     string      // of the point
	Of       string      // description of the points
}

// MadePoints is the number of points of Made.
const MadePoints = 180

// Made returns three groups in the plane: two interlocking half circles and a round cloud, with labels, a second view, a second set in
// three dimensions and the edges of a neighbour graph, so that every method can be trained on it. The same seed gives the same points. It
// fails if there is no such point.
func Made(seed uint64, point int) (*Subject, error) {
	if point < 0 || point >= MadePoints {
		return nil, fmt.Errorf("point %d: want one of the generated points, 0 to %d", point, MadePoints-1)
	}
	const group, noise = MadePoints / 3, 0.07
	r := rand.New(rand.NewPCG(seed, 0x706c616e65))
	x, view, second := &head.Matrix{Width: 2}, &head.Matrix{Width: 2}, &head.Matrix{Width: 3}
	s := &Subject{Features: x, Classes: 3, Point: point, Name: fmt.Sprintf("point %d", point), Of: fmt.Sprintf("%d generated points in the plane", MadePoints)}
	for i := range MadePoints {
		t := math.Pi * float64(i%group) / (group - 1)
		var at [2]float64
		switch i / group {
		case 0:
			at = [2]float64{math.Cos(t), math.Sin(t)}
		case 1:
			at = [2]float64{1 - math.Cos(t), 0.5 - math.Sin(t)}
		default:
			at = [2]float64{2.5 + 0.25*r.NormFloat64(), 1 + 0.25*r.NormFloat64()}
		}
		for _, m := range []*head.Matrix{x, view} {
			m.X = append(m.X, float32(at[0]+noise*r.NormFloat64()), float32(at[1]+noise*r.NormFloat64()))
		}
		second.X = append(second.X, float32(at[0]+at[1]), float32(at[0]-at[1]+noise*r.NormFloat64()), float32(at[0]*at[1]))
		s.Inputs.Labels = append(s.Inputs.Labels, i/group)
	}
	s.Inputs.Views, s.Inputs.Second = []head.Features{view}, second
	g, err := knn.Exact(context.Background(), x, knn.Options{K: 4, Metric: knn.Euclidean})
	if err != nil {
		return nil, err
	}
	for i := range g.N {
		for _, j := range g.Row(i) {
			s.Inputs.Edges = append(s.Inputs.Edges, icon.Edge{From: i, To: int(j), Weight: 1})
		}
	}
	return s, nil
}

// Sample returns the rows of a set, or MostPoints of them drawn at random, the point included, if there are more. Rows without a
// label have a negative one. The second set of the same images and the edges of a graph may be nil. It fails if there is no such point.
func Sample(set *features.Set, in head.Inputs, point int, seed uint64) (*Subject, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	n := set.Len()
	if point < 0 || point >= n {
		return nil, fmt.Errorf("point %d: want a row of the features, 0 to %d", point, n-1)
	}
	rows := []int32{int32(point)}
	for _, i := range rand.New(rand.NewPCG(seed, 0x706f696e7473)).Perm(n) {
		if len(rows) == MostPoints {
			break
		}
		if i != point {
			rows = append(rows, int32(i))
		}
	}
	slices.Sort(rows)
	of := func(f head.Features) head.Features { return &matrix.Subset{Features: f, Rows: rows} }
	s := &Subject{Features: of(set), Classes: set.WithImages(), Name: set.Paths[point], Of: fmt.Sprintf("%d rows of %s", n, set.Source.Store)}
	if len(rows) < n {
		s.Of = fmt.Sprintf("%d of %s, drawn at random", len(rows), s.Of)
	}
	place := make(map[int]int, len(rows))
	for at, i := range rows {
		place[int(i)] = at
	}
	s.Point = place[point]
	for _, v := range set.Views {
		s.Inputs.Views = append(s.Inputs.Views, of(v))
	}
	if in.Second != nil {
		s.Inputs.Second = of(in.Second)
	}
	for _, e := range in.Edges {
		from, here := place[e.From]
		if to, there := place[e.To]; here && there {
			s.Inputs.Edges = append(s.Inputs.Edges, icon.Edge{From: from, To: to, Weight: e.Weight})
		}
	}
	if set.Labels != nil {
		labels := set.LabelsFor(s.Classes)
		for _, i := range rows {
			s.Inputs.Labels = append(s.Inputs.Labels, labels[i])
		}
	}
	return s, nil
}
