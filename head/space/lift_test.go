package space

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// Inner products of lifted rows approximate a Gaussian of their distance, whose radius is the median distance to the k-th nearest.
func TestLiftApproximatesGaussian(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(2, 80).Draw(t, "rows"), rapid.IntRange(1, 4).Draw(t, "columns")
		nearest, seed := rapid.IntRange(1, n).Draw(t, "nearest"), rapid.Uint64().Draw(t, "seed")
		f := densetest.Clouds(seed, n, d, 3, 2)
		lifted, err := Lift(ctx, f, nearest, seed, 2)
		if err != nil {
			t.Fatal(err)
		}
		r := medianDistance(f, nearest)
		for i := range min(n, 10) {
			for j := range n {
				squared := float64(kernel.SquaredDistance(f.Row(i), f.Row(j)))
				want := math.Exp(-squared / (r * r))
				got := float64(kernel.Dot(lifted.Row(i), lifted.Row(j)))
				// The standard deviation is below 1/√frequencies, and many pairs are compared.
				if math.Abs(got-want) > 6/math.Sqrt(frequencies) {
					t.Fatalf("rows %d and %d have the inner product %v, want %v", i, j, got, want)
				}
			}
		}
	})
}

// medianDistance is the median over the rows of the distance to the k-th nearest other, by sorting all.
func medianDistance(f *matrix.Dense, k int) float64 {
	n := f.Len()
	kth := make([]float64, n)
	for i := range n {
		var all []float64
		for j := range n {
			if j != i {
				all = append(all, math.Sqrt(float64(kernel.SquaredDistance(f.Row(i), f.Row(j)))))
			}
		}
		slices.Sort(all)
		kth[i] = all[min(k, n-1)-1]
	}
	slices.Sort(kth)
	return kth[n/2]
}

func TestLiftIsTheSameOnAnyNumberOfWorkers(t *testing.T) {
	f := densetest.Clouds(3, 3000, 2, 5, 1)
	lift := func(seed uint64, workers int) *matrix.Dense {
		lifted, err := Lift(context.Background(), f, 100, seed, workers)
		if err != nil {
			t.Fatal(err)
		}
		return lifted
	}
	one := lift(1, 1)
	if diff := cmp.Diff(one, lift(1, 7)); diff != "" {
		t.Error("seven workers differ from one")
	}
	if cmp.Equal(one, lift(2, 1)) {
		t.Error("the seed changes nothing")
	}
}

// Equal rows, copies and a single row are lifted, too, and rows that differ have different directions.
func TestLiftDegenerateRows(t *testing.T) {
	for name, c := range map[string]struct {
		f      *matrix.Dense
		differ bool // the first row from the last
	}{
		"one row":          {&matrix.Dense{Width: 1, X: []float32{3}}, false},
		"all equal":        {&matrix.Dense{Width: 2, X: []float32{1, 2, 1, 2, 1, 2}}, false},
		"zeros":            {matrix.NewDense(9, 3), false},
		"two values":       {&matrix.Dense{Width: 1, X: []float32{0, 0, 0, 0, 1, 1, 1, 1}}, true},
		"one that differs": {&matrix.Dense{Width: 1, X: []float32{0, 0, 0, 0, 0, 0, 0, 2}}, true},
	} {
		lifted, err := Lift(context.Background(), c.f, 2, 1, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, x := range lifted.X {
			if x-x != 0 {
				t.Fatalf("%s: number %d is %v", name, i, x)
			}
		}
		if alike := kernel.Dot(lifted.Row(0), lifted.Row(lifted.Len()-1)); (alike < 0.6) != c.differ {
			t.Errorf("%s: the first and the last row have the inner product %v", name, alike)
		}
	}
}

func TestLiftIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Lift(ctx, densetest.Clouds(3, 30, 2, 5, 1), 5, 1, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
