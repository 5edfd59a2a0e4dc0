package centred

import (
	"math"
	"slices"
	"testing"

	"iconic/internal/densetest"
	"iconic/matrix"
)

// Rows are centred on their mean, also if they lie in far groups, in any order; but if few rows are huge, among the others.
func TestCentre(t *testing.T) {
	const n, d = 600, 8
	for _, groups := range []int{1, 2, 3, 10} {
		m := densetest.Clouds(3, n, d, groups, 50)
		ordered := matrix.NewDense(n, d)
		for i := range n {
			from := i%(n/groups)*groups + i/(n/groups)
			copy(ordered.X[i*d:(i+1)*d], m.X[from*d:(from+1)*d])
		}
		for _, x := range []*matrix.Dense{m, ordered} {
			moments, err := matrix.Measure(t.Context(), x, 1)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Measure(t.Context(), x, 1)
			if err != nil {
				t.Fatal(err)
			}
			for e, v := range c.Centre {
				if math.Abs(v-moments.Mean[e]) > 1e-9 {
					t.Errorf("%d groups: the centre is %g, want the mean %g", groups, c.Centre, moments.Mean)
					break
				}
			}
		}
	}
	for _, few := range []int{1, 5, 60} {
		m := densetest.Clouds(3, n, d, 1, 0)
		for i := range few {
			for e := range d {
				m.X[i*37%n*d+e] = float32(1e9 * (i + 1))
			}
		}
		c, err := Measure(t.Context(), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		if most := max(slices.Max(c.Centre), -slices.Min(c.Centre)); most > 1 {
			t.Errorf("with %d huge rows, the centre is %g from the others", few, most)
		}
	}
}
