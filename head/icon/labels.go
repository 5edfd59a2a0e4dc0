package icon

import (
	"fmt"
)

// Labels is the uniform distribution over the other points with the same label. A point whose label is unique or negative has no
// neighbours: its row is empty and it has only the uniform part of p̃.
func Labels(labels []int) *Rows {
	members := make(map[int][]int)
	for i, l := range labels {
		members[l] = append(members[l], i)
	}
	return Build(len(labels), func(i int, add func(int, float64)) {
		if labels[i] < 0 {
			return
		}
		for _, j := range members[labels[i]] {
			if j != i {
				add(j, 1)
			}
		}
	})
}

// Prototypes is each point's own class among m class prototypes, for use between two sets. It fails on a label out of range.
func Prototypes(labels []int, m int) (*Rows, error) {
	n := len(labels)
	r := &Rows{Offset: make([]int, n+1), Column: make([]int32, n), Weight: make([]float32, n)}
	for i, l := range labels {
		if l < 0 || l >= m {
			return nil, fmt.Errorf("label %d of point %d: want 0 to %d", l, i, m-1)
		}
		r.Offset[i+1], r.Column[i], r.Weight[i] = i+1, int32(l), 1
	}
	return r, nil
}
