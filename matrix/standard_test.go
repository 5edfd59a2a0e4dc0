package matrix

import (
	"context"
	"math"
	"strings"
	"testing"
)

// Rows that are the same, and rows that differ by too little for float32, are refused for what they are.
func TestFeaturesThatDoNotDifferAreRefused(t *testing.T) {
	for want, x := range map[string][]float32{
		"all 2 rows of 2 features are the same":                                    {3, 4, 3, 4},
		"the features of all 2 rows differ by less than 1e-30, too little for flo": {0, 1e-32, 2e-32, 0},
		"": {0, 1e-28, 2e-28, 0},
	} {
		_, _, err := Moments(context.Background(), &Dense{Width: 2, X: x}, 1)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", x, err, want)
		}
	}
}

// One factor for all features gives them a mean of 0 and a mean variance of 1, whatever their unit, and keeps the proportions of their variances.
func TestRescaledFeatures(t *testing.T) {
	for _, unit := range []float32{1e-20, 1, 1e15} {
		x := &Dense{Width: 2, X: []float32{1 * unit, 5 * unit, 3 * unit, 5.5 * unit, 2 * unit, 4.5 * unit}}
		mean, variance, err := Moments(context.Background(), x, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, after, err := Moments(context.Background(), Rescale(x, mean, variance), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := after[0]/after[1], variance[0]/variance[1]; math.Abs(TotalVariance(after)-2) > 1e-5 || math.Abs(got-want) > 1e-4*want {
			t.Errorf("unit %g: variances %v, whose proportion was %g", unit, after, want)
		}
	}
}
