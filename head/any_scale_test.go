package head

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/head/kmeans"
	"iconic/head/methods"
	"iconic/head/partition"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// The head of a method that does not standardise learns the clusters found, whatever the unit of the features.
func TestTheHeadLearnsClustersOfAnyScale(t *testing.T) {
	for _, scale := range []float32{1e-6, 1, 1e6} {
		f := densetest.Clouds(4, 240, 12, 12, 2)
		kernel.Scale(f.X, scale)
		c, err := Preset("pca", 12)
		if err != nil {
			t.Fatal(err)
		}
		m, err := methods.Find(c.Method)
		if err != nil {
			t.Fatal(err)
		}
		r, found, err := trainMethod(context.Background(), m, f, Inputs{}, c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		own, err := r.Head.Argmaxes(context.Background(), f, 1)
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for i, c := range own {
			if c == found.Cluster[i] {
				kept++
			}
		}
		if kept < len(own)*95/100 {
			t.Errorf("scale %g: %d of %d rows keep their cluster", scale, kept, len(own))
		}
	}
}

// inUnit are clouds whose standard deviation is a unit, with the inputs of any method.
func inUnit(t *testing.T, n, k int, unit float32) (*matrix.Dense, Inputs) {
	t.Helper()
	m := densetest.Clouds(4, n, 6, k, 2)
	in := inputs(m, k)
	moments, err := matrix.Measure(context.Background(), m, 1)
	if err != nil {
		t.Fatal(err)
	}
	spread := float32(math.Sqrt(moments.Total() / 6))
	kernel.Scale(m.X, unit/spread)
	for _, v := range in.Views {
		kernel.Scale(v.(*matrix.Dense).X, unit/spread)
	}
	return m, in
}

// No method sees the unit of the features if it does not standardise them: a power of two changes no digit of the clusters.
func TestNoMethodSeesTheUnitOfItsFeatures(t *testing.T) {
	once(t)
	const n, k = 120, 4
	for _, one := range methods.All() {
		name := one.About().Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []int
			for _, unit := range []float32{1, 0x1p-66, 0x1p66} {
				m, in := inUnit(t, n, k, unit)
				c := brief(t, name)
				c.Clusters = k
				some(t, &c, "standardize", false)
				r, err := Train(t.Context(), m, in, c, Options{})
				if err != nil {
					t.Fatalf("unit %g: %v", unit, err)
				}
				own, err := r.Head.Argmaxes(t.Context(), m, 1)
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = own
				}
				if !slices.Equal(own, want) {
					t.Errorf("unit %g: other clusters than in unit 1", unit)
				}
				told := slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "works on them multiplied by") })
				if seen := slices.Contains([]string{"scan", "temi"}, name); !seen && told != (unit != 1) {
					t.Errorf("unit %g: notes %q", unit, r.Notes)
				}
			}
		})
	}
}

// Rows without a direction, zero or equal to the mean, end no training, and are noted.
func TestRowsWithoutADirectionEndNoTraining(t *testing.T) {
	once(t)
	const n, d, k, zero = 120, 6, 4, 17
	for _, one := range methods.All() {
		name := one.About().Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, standardised := range []bool{true, false} {
				m := densetest.Clouds(4, n, d, k, 2)
				for i := range n / 2 { // the mean is exactly 0
					for e, v := range m.Row(i) {
						v = float32(math.Round(8*float64(v)) / 8)
						m.Row(i)[e], m.Row(n - 1 - i)[e] = v, -v
					}
				}
				in := inputs(m, k)
				clear(m.Row(zero))
				clear(m.Row(n - 1 - zero))
				for _, v := range in.Views {
					clear(v.(*matrix.Dense).Row(zero))
				}
				c := brief(t, name)
				c.Clusters = k
				some(t, &c, "batch", 2*n) // the first step has all rows
				some(t, &c, "standardize", standardised)
				r, err := Train(t.Context(), m, in, c, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if told := slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "no direction") }); !told && c.Text("metric") != "euclidean" {
					t.Errorf("standardize %v: notes %q", standardised, r.Notes)
				}
			}
		})
	}
}

// A row with huge features is named, and leaves the clusters of the others as they are without it.
func TestOneHugeRowLeavesTheOthersAsTheyAre(t *testing.T) {
	once(t)
	const n, d, k, huge = 240, 8, 4, 7
	for _, name := range []string{"direction-mixture", "infonce-clustering", "kmeans", "cross-entropy", "clip"} {
		for _, standardised := range []bool{true, false} {
			for _, times := range []float32{1, 1e4, 1e20} {
				m := densetest.Clouds(cloudSeed, n, d, k, 5)
				in := inputs(m, k)
				kernel.Scale(m.Row(huge), times)
				c, err := Preset(name, k)
				if err != nil {
					t.Fatal(err)
				}
				some(t, &c, "batch", 128)
				some(t, &c, "heads", 4)
				some(t, &c, "standardize", standardised)
				r, err := Train(t.Context(), m, in, c, Options{Name: func(row int) string { return fmt.Sprintf("image %d", row) }})
				if err != nil {
					t.Fatalf("%s × %g: %v", name, times, err)
				}
				if p := purity(t, r.Head, m, k); p < 0.97 {
					t.Errorf("%s, standardised %v, × %g: purity %.3f", name, standardised, times, p)
				}
				told := strings.Join(r.Notes, "; ")
				if strings.Contains(told, "the features of 1 of 240 images are more than 100 times as far from the centre as those of half of the images (image 7)") != (times > 1) {
					t.Errorf("%s, standardised %v, × %g: notes %q", name, standardised, times, r.Notes)
				}
			}
		}
	}
}

// The head of k-means sorts the rows into the clusters found, whatever the features' offset and unit.
func TestTheHeadOfKMeansIsItsClusters(t *testing.T) {
	const n, d, k = 240, 16, 6
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"kmeans", "probabilistic-kmeans"}).Draw(t, "method")
		standardised := rapid.Bool().Draw(t, "standardised")
		offset := rapid.SampledFrom([]float64{0, 1, -300, 3e3, 1e4, -3e4}).Draw(t, "offset")
		unit := math.Pow(10, rapid.Float64Range(-25, 25).Draw(t, "exponent"))
		f := densetest.Clouds(9, n, d, k, 5)
		for i, v := range f.X {
			f.X[i] = float32((float64(v) + offset) * unit)
		}
		c, err := Preset(name, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Set("standardize", standardised); err != nil {
			t.Fatal(err)
		}
		r, err := Train(context.Background(), f, Inputs{}, c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		own, err := r.Head.Argmaxes(context.Background(), f, 1)
		if err != nil {
			t.Fatal(err)
		}
		seen := Features(f)
		if standardised {
			moments, err := matrix.Measure(context.Background(), f, 1)
			if err != nil {
				t.Fatal(err)
			}
			seen = matrix.Standardize(f, moments)
		}
		km, err := kmeans.Cluster(context.Background(), seen, kmeans.Options{Clusters: k, Starts: 3})
		if err != nil {
			t.Fatal(err)
		}
		if same, err := partition.Agreement(partition.Of(own), km.Assignment, k); err != nil || same < 1 {
			t.Errorf("%.3f of the rows are in their cluster, %v", same, err)
		}
		p := make([]float32, n*k)
		r.Head.Assignments(p, f.X, n)
		if _, confidence := densetest.Assigned(p, k); confidence < 0.9 {
			t.Errorf("mean confidence %.3f", confidence)
		}
	})
}

// Clusters are evaluated on the same neighbours, however many a training has.
func TestTheGraphOfAnEvaluationIsFixed(t *testing.T) {
	f := densetest.Clouds(4, 120, 8, 3, 2)
	var first []int32
	for _, neighbours := range []int{3, 10, 30} {
		e := learn(t, f, small(t, 3, "epochs", 1, "neighbours", neighbours), Options{}).Evaluation
		if first == nil {
			first = e.Neighbours
		}
		if e.K != 10 || len(e.Neighbours) != len(first) {
			t.Fatalf("%d neighbours: %d rows with %d each", neighbours, len(e.Neighbours)/e.K, e.K)
		}
		for i, n := range e.Neighbours {
			if n != first[i] {
				t.Fatalf("%d neighbours: neighbour %d of row %d is %d, was %d", neighbours, i%10, i/10, n, first[i])
			}
		}
	}
}
