package icon

import "fmt"

// Walk is the distribution over points reachable in 1 to steps steps of p: P + P² + … + Pᵗ, normalised. Walks that end at
// their start are left out. It fails on steps < 1.
func Walk(p *Rows, steps int) (*Rows, error) {
	if steps < 1 {
		return nil, fmt.Errorf("walk of %d steps: want at least 1", steps)
	}
	return Build(p.Len(), func(i int, add func(int, float64)) {
		here := []entry{{point: i, weight: 1}}
		for range steps {
			var next []entry
			for _, h := range here {
				column, weight := p.Row(h.point)
				for e, j := range column {
					next = append(next, entry{int(j), h.weight * float64(weight[e])})
				}
			}
			here = merged(next)
			for _, h := range here {
				if h.point != i {
					add(h.point, h.weight)
				}
			}
		}
	}), nil
}

// Stroll draws from Walk's distribution for point i, for sets with too many walks to list: it draws a number of steps from 1 to most, all
// equally likely, and returns the end of a walk of that many steps; if the walk ends at i, it draws again. neighbour returns the neighbour
// of a point at a share u of the weights of its edges, 0 ≤ u < 1, and draw a number in [0, 1), a different one for each number. A point
// whose neighbour is itself has no others.
func Stroll(i int32, most int, neighbour func(i int32, u float64) int32, draw func(number int) float64) int32 {
	first := neighbour(i, draw(0))
	if most <= 1 || first == i {
		return first
	}
	for number := 1; ; {
		steps := 1 + int(draw(number)*float64(most))
		j := i
		for number++; steps > 0; steps-- {
			j = neighbour(j, draw(number))
			number++
		}
		if j != i {
			return j
		}
	}
}
