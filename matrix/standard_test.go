package matrix

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Rows that are the same, and rows that differ by too little for float32, are refused for what they are.
func TestFeaturesThatDoNotDifferAreRefused(t *testing.T) {
	for want, x := range map[string][]float32{
		"all 2 rows of 2 features are the same":                                    {3, 4, 3, 4},
		"the features of all 2 rows differ by less than 1e-30, too little for flo": {0, 1e-32, 2e-32, 0},
		"": {0, 1e-28, 2e-28, 0},
	} {
		_, err := Measure(context.Background(), &Dense{Width: 2, X: x}, 1)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", x, err, want)
		}
	}
}

// One factor for all features gives them a mean of 0 and a mean variance of 1, whatever their unit, and keeps the proportions of their variances.
func TestRescaledFeatures(t *testing.T) {
	for _, unit := range []float32{1e-20, 1, 1e15} {
		x := &Dense{Width: 2, X: []float32{1 * unit, 5 * unit, 3 * unit, 5.5 * unit, 2 * unit, 4.5 * unit}}
		before, err := Measure(context.Background(), x, 1)
		if err != nil {
			t.Fatal(err)
		}
		after, err := Measure(context.Background(), Rescale(x, before), 1)
		if err != nil {
			t.Fatal(err)
		}
		got, want := after.Variance[0]/after.Variance[1], before.Variance[0]/before.Variance[1]
		if math.Abs(after.Total()-2) > 1e-5 || math.Abs(got-want) > 1e-4*want {
			t.Errorf("unit %g: variances %v, whose proportion was %g", unit, after.Variance, want)
		}
	}
}

// normal are n rows of d numbers with a standard deviation of 1, about a mean of 2.
func normal(n, d int) *Dense {
	r, m := rand.New(rand.NewPCG(3, 1)), NewDense(n, d)
	for i := range m.X {
		m.X[i] = float32(2 + r.NormFloat64())
	}
	return m
}

// Rows of a thousand times the usual length and more are found, and the others are scaled to the bit as they are without them.
func TestFarRowsDoNotCountInTheScaling(t *testing.T) {
	const n, d = 3000, 5
	far := []int{7, 2000}
	var near []int32
	for i := range n {
		if !slices.Contains(far, i) {
			near = append(near, int32(i))
		}
	}
	for _, times := range []float32{1, 20, 1e3, 1e4, 1e12, 1e36} {
		m := normal(n, d)
		for _, i := range far {
			for e := range m.Row(i) {
				m.Row(i)[e] *= times
			}
		}
		got, err := Measure(context.Background(), m, 2)
		if err != nil {
			t.Fatal(err)
		}
		if times < Remote {
			if got.Far != nil || Standardize(m, got).Longest != 0 || InUnit(m, got) != nil {
				t.Errorf("× %g: rows %v are far", times, got.Far)
			}
			continue
		}
		if diff := cmp.Diff(far, got.Far); diff != "" {
			t.Fatalf("× %g: far rows (-want +got):\n%s", times, diff)
		}
		want, err := Measure(context.Background(), &Subset{Features: m, Rows: near}, 1)
		if err != nil {
			t.Fatal(err)
		}
		for e := range want.Mean {
			if math.Abs(got.Mean[e]-want.Mean[e]) > 1e-9 || math.Abs(got.Variance[e]-want.Variance[e]) > 1e-9 {
				t.Errorf("× %g: feature %d has mean %g and variance %g, without the far rows %g and %g", times, e, got.Mean[e], got.Variance[e], want.Mean[e], want.Variance[e])
			}
		}
		scaled := map[string]*Standardized{"standardised": Standardize(m, got), "in unit": InUnit(m, got)}
		for name, s := range scaled {
			row := make([]float32, d)
			if err := s.Gather(row, []int32{7}); err != nil {
				t.Fatal(err)
			}
			square, along := 0.0, 0.0
			for e, v := range row {
				square += float64(v) * float64(v)
				along += float64(v) * (float64(m.Row(7)[e]) - float64(s.Mean[e])) * float64(s.Inverse[e]) / float64(times)
			}
			if !(math.Abs(math.Sqrt(square)/s.Longest-1) < 1e-5) || !(along > 0) {
				t.Errorf("× %g: the far row is %v %s: want the same direction and length %g", times, row, name, s.Longest)
			}
		}
	}
}

// Most rows at one point leave no measure of how far the others are.
func TestRowsAreNotFarFromEqualOnes(t *testing.T) {
	m := NewDense(50, 2)
	m.X[0], m.X[3] = 5, 1e9
	got, err := Measure(context.Background(), m, 1)
	if err != nil || got.Far != nil {
		t.Errorf("far rows %v, %v", got, err)
	}
}

// If most rows are nearly the same, as in a folder of mostly empty pictures, the others are no exceptions.
func TestManyRowsAreNotFar(t *testing.T) {
	m := normal(300, 4)
	for i := range 180 {
		for e := range m.Row(i) {
			m.Row(i)[e] *= 1e-4
		}
	}
	got, err := Measure(context.Background(), m, 1)
	if err != nil || got.Far != nil {
		t.Errorf("%d far rows, %v", len(got.Far), err)
	}
}

// Features of an ordinary unit stay as they are, and others are brought to one by a power of two.
func TestUnits(t *testing.T) {
	for _, c := range []struct {
		unit   float64
		factor float64 // 1: not scaled
	}{{1, 1}, {0.13, 1}, {15, 1}, {0x1p-4, 0x1p4}, {0x1p-66, 0x1p66}, {1e-4, 0x1p13}, {0x1p70, 0x1p-70}} {
		m := normal(400, 6)
		for i := range m.X {
			m.X[i] *= float32(c.unit)
		}
		before, err := Measure(context.Background(), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := InUnit(m, before)
		if (s == nil) != (c.factor == 1) || s != nil && (s.Inverse[0] != float32(c.factor) || s.Mean[0] != 0 || s.Longest != 0) {
			t.Errorf("unit %g: scaled by %+v, want %g", c.unit, s, c.factor)
		}
	}
}

// Centring leaves a mean that is small beside the spread, and otherwise subtracts a multiple of a power of two.
func TestCentredFeaturesKeepTheirDigits(t *testing.T) {
	for _, offset := range []float32{-2, 0, 3000, -1e6} {
		m := normal(400, 6)
		for i := range m.X {
			m.X[i] += offset
		}
		before, err := Measure(context.Background(), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := Centre(m, before)
		x := make([]float32, len(m.X))
		if err := c.Block(x, 0, m.Len()); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			if mean := c.Mean[i%6]; mean != float32(math.Round(float64(offset+2))) || math.Abs(float64(v)+float64(mean)-float64(m.X[i])) > 0x1p-22 {
				t.Fatalf("offset %g: number %g became %g by a mean of %g", offset, m.X[i], v, mean)
			}
		}
	}
}
