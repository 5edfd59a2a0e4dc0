package principal

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"iconic/matrix"
)

// stretched returns rows of four numbers with standard deviations 9, 4, 1 and 0 along axes that are rotated by 30° in the first two.
func stretched(n int) *matrix.Dense {
	r := rand.New(rand.NewPCG(1, 2))
	m := matrix.NewDense(n, 4)
	c, s := math.Cos(math.Pi/6), math.Sin(math.Pi/6)
	for i := range n {
		a, b := 9*r.NormFloat64(), 4*r.NormFloat64()
		copy(m.Row(i), []float32{float32(100 + c*a - s*b), float32(s*a + c*b), float32(r.NormFloat64()), 7})
	}
	return m
}

func TestFind(t *testing.T) {
	m := stretched(20000)
	c, err := Find(t.Context(), m, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{math.Cos(math.Pi / 6), 0.5, 0, 0}, {-0.5, math.Cos(math.Pi / 6), 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}
	for a, variance := range []float64{81, 16, 1, 0} {
		if math.Abs(c.Variance[a]-variance) > 0.03*variance+1e-9 {
			t.Errorf("component %d: variance %g, want %g", a, c.Variance[a], variance)
		}
		for e, v := range c.Axes[a] {
			if math.Abs(v-want[a][e]) > 0.03 {
				t.Errorf("component %d: axis %v, want %v", a, c.Axes[a], want[a])
				break
			}
		}
	}
	y, err := c.Project(t.Context(), m, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	var mean, square [4]float64
	for i, v := range y {
		mean[i%4] += v / 20000
		square[i%4] += v * v / 20000
	}
	for a := range 4 { // projections have mean 0 and, at a scale of 2, four times the variance
		if math.Abs(mean[a]) > 1e-6 || math.Abs(square[a]-4*c.Variance[a]) > 1e-6*(1+square[a]) {
			t.Errorf("component %d: mean %g, square %g, want 0 and %g", a, mean[a], square[a], 4*c.Variance[a])
		}
	}
}

func TestTheSameOnAnyNumberOfWorkers(t *testing.T) {
	m := stretched(3000)
	var first []float64
	for workers := 1; workers <= 3; workers++ {
		c, err := Find(t.Context(), m, 2, workers)
		if err != nil {
			t.Fatal(err)
		}
		y, err := c.Project(t.Context(), m, 1, workers)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = y
		} else if !slices.Equal(y, first) {
			t.Errorf("%d workers: different projections", workers)
		}
	}
}

func TestWhatCannotBeFound(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, stretched(10), 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	one := &matrix.Dense{Width: 3, X: []float32{1, 2, 3}} // without variance
	c, err := Find(t.Context(), one, 2, 1)
	if err != nil || c.Variance[0] != 0 {
		t.Errorf("one row: %+v, %v", c, err)
	}
}
