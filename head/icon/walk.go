package icon

import (
	"fmt"
)

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
