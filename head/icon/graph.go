package icon

import (
	"fmt"
	"math"
)

// Edge makes point To a neighbour of point From. The reverse is another edge.
type Edge struct {
	From, To int
	Weight   float64 // above 0
}

// Graph is the distribution of each of n points over its neighbours in a graph, the ends of its edges, by their weights; weights of equal edges add up.
// A point from which no edge leads has only the uniform part of p̃. It fails on ends out of range, on loops and
// on weights that are not positive.
func Graph(n int, edges []Edge) (*Rows, error) {
	if n < 0 {
		return nil, fmt.Errorf("a graph of %d points: want none or more", n)
	}
	from := make([][]Edge, n)
	for k, e := range edges {
		if e.From < 0 || e.From >= n || e.To < 0 || e.To >= n || e.From == e.To {
			return nil, fmt.Errorf("edge %d from %d to %d: want two different points of %d", k, e.From, e.To, n)
		}
		if !(e.Weight > 0) || math.IsInf(e.Weight, 1) {
			return nil, fmt.Errorf("edge %d has weight %g: want a positive number", k, e.Weight)
		}
		from[e.From] = append(from[e.From], e)
	}
	return Build(n, func(i int, add func(int, float64)) {
		for _, e := range from[i] {
			add(e.To, e.Weight)
		}
	}), nil
}
