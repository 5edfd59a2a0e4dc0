package icon

import "fmt"

// Walk is the distribution over points reachable in 1 to steps steps of p: P + P² + … + Pᵗ, normalised, or with uniform the
// uniform distribution over all that are reached. Walks that come back to their start are left out. It fails on steps < 1.
func Walk(p *Rows, steps int, uniform bool) (*Rows, error) {
	if steps < 1 {
		return nil, fmt.Errorf("walk of %d steps: want at least 1", steps)
	}
	return Build(p.Len(), func(i int, add func(int, float64)) {
		here := map[int]float64{i: 1}
		for range steps {
			next := make(map[int]float64)
			for _, k := range sortedKeys(here) {
				column, weight := p.Row(k)
				for e, j := range column {
					next[int(j)] += here[k] * float64(weight[e])
				}
			}
			for _, j := range sortedKeys(next) {
				switch {
				case j == i:
				case uniform:
					add(j, 0)
				default:
					add(j, next[j])
				}
			}
			here = next
		}
	}), nil
}

// Stroll draws where such a walk ends, one step after the other, for sets whose walks are too many to be listed: of 1 to most steps from
// i, as many as the first draw has it. Neighbour gives the neighbour of a point at a share u of the weights of its edges, 0 ≤ u < 1,
// and draw a number from 0 to below 1, another one for each step. A step back to i is not taken, so that on graphs where walks of most steps
// do not come back this is Walk.
func Stroll(i int32, most int, neighbour func(i int32, u float64) int32, draw func(step int) float64) int32 {
	j := neighbour(i, draw(0))
	if most == 1 {
		return j
	}
	for step := range int(draw(1) * float64(most)) {
		if k := neighbour(j, draw(2+step)); k != i {
			j = k
		}
	}
	return j
}
