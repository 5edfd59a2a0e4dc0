package head

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/matrix"
)

// doubled is m with its first column times two.
func doubled(m *matrix.Dense) *matrix.Dense {
	out := &matrix.Dense{Width: m.Width, X: slices.Clone(m.X)}
	for i := range m.Len() {
		out.Row(i)[0] *= 2
	}
	return out
}

// Standardize is for both sides of a pair: only if it is set, the unit of a column makes no difference.
func TestBothSidesOfAPairAreStandardisedOrNot(t *testing.T) {
	m, in := tiny()
	for method, changed := range map[string]Inputs{
		"clip": {Second: doubled(in.Second.(*matrix.Dense))},
		"cmc":  {Views: []Features{doubled(in.Views[0].(*matrix.Dense))}},
	} {
		for _, standardize := range []bool{true, false} {
			c := brief(t, method)
			change(t, &c, "standardize", standardize)
			one, err := Train(context.Background(), m, in, c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			other, err := Train(context.Background(), m, changed, c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if off := math.Abs(one.Loss - other.Loss); off > 1e-5 == standardize { // rounding differs
				t.Errorf("%s, standardize %t: the unit of a column of the other side changes the loss by %g", method, standardize, off)
			}
		}
	}
}

// cmc learns from every augmented view, and draws the same one wherever it is resumed.
func TestCMCLearnsFromEveryView(t *testing.T) {
	m, in := tiny()
	c := brief(t, "cmc")
	train := func(views ...Features) [][]float32 { return bits(t, m, Inputs{Views: views}, c, Options{}) }
	first, second := in.Views[0], Features(doubled(m))
	one, both := train(first), train(first, second)
	if cmp.Equal(one, both) || cmp.Equal(both, train(second)) || cmp.Equal(both, train(first, first)) {
		t.Error("two views give what one of them gives")
	}
	whole, err := Train(context.Background(), m, Inputs{Views: []Features{first, second}}, c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, interrupted(t, m, Inputs{Views: []Features{first, second}}, c, 3)); diff != "" {
		t.Errorf("interrupted after step 3 (-whole +resumed):\n%s", diff)
	}
}

// A side of a pair that nothing distinguishes is named.
func TestASideThatIsConstantIsNamed(t *testing.T) {
	m, _ := tiny()
	same := matrix.NewDense(m.Len(), 5)
	for method, c := range map[string]struct {
		in   Inputs
		want string
	}{
		"clip":              {Inputs{Second: same}, "the second set: all 72 rows of 5 features are the same"},
		"direction-mixture": {Inputs{Second: same}, "the second set: all 72 rows of 5 features are the same"},
		"cmc":               {Inputs{Views: []Features{matrix.NewDense(m.Len(), m.Width)}}, "the augmented views: all 72 rows of 6 features are the same"},
	} {
		if _, err := Train(context.Background(), m, c.in, brief(t, method), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", method, err, c.want)
		}
	}
}
