package icon

import "slices"

// Build makes a supervisory distribution of n points: row is asked about each, and adds weights to the points that it names. It makes rows whose weights, added up by column, are scaled to sum to 1; when all are 0 they share alike.
func Build(n int, row func(i int, add func(j int, weight float64))) *Rows {
	r := &Rows{Offset: make([]int, 1, n+1)}
	for i := range n {
		entries := make(map[int]float64)
		row(i, func(j int, w float64) { entries[j] += w })
		columns := sortedKeys(entries)
		sum := 0.0
		for _, j := range columns {
			sum += entries[j]
		}
		for _, j := range columns {
			w := 1 / float64(len(columns))
			if sum > 0 {
				w = entries[j] / sum
			}
			r.Column, r.Weight = append(r.Column, int32(j)), append(r.Weight, float32(w))
		}
		r.Offset = append(r.Offset, len(r.Column))
	}
	return r
}

func sortedKeys(m map[int]float64) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// other is the e-th point that is not i.
func other(i, e int) int {
	if e >= i {
		return e + 1
	}
	return e
}

func squareDistance(x []float32, d, i, j int) float64 {
	s := 0.0
	for e, v := range x[i*d : (i+1)*d] {
		c := float64(v) - float64(x[j*d+e])
		s += c * c
	}
	return s
}
