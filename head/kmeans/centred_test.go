package kmeans

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/densetest"
)

// TestOffsetAndScaleChangeNothing: neither a common offset nor a common scale of all numbers changes the clusters or the posterior.
func TestOffsetAndScaleChangeNothing(t *testing.T) {
	const n, d, k = 600, 8, 4
	plain := densetest.Clouds(3, n, d, k, 8)
	cluster := func(offset, scale float64) (*Result, []float32, []float32) {
		m := densetest.Clouds(3, n, d, k, 8)
		for i, v := range m.X {
			m.X[i] = float32((float64(v) + offset) * scale)
		}
		r, err := Cluster(context.Background(), m, Options{Clusters: k, Seed: 5})
		if err != nil {
			t.Fatalf("offset %g, scale %g: %v", offset, scale, err)
		}
		p := make([]float32, n*k)
		if err := r.Probabilities(p, m.X, n); err != nil {
			t.Fatal(err)
		}
		return r, p, m.X
	}
	want, wantP, _ := cluster(0, 1)
	if i, j := want.Assignment[0], want.Assignment[1]; i == j || len(plain.X) != n*d {
		t.Fatal("the clouds are not separated")
	}
	for _, test := range []struct{ offset, scale float64 }{
		{1e4, 1}, {-1e5, 1}, {0, 1e-20}, {0, 1e-30}, {0, 1e30}, {1e4, 1e-8}, {1e4, 1e30},
	} {
		got, p, x := cluster(test.offset, test.scale)
		if diff := cmp.Diff(want.Assignment, got.Assignment); diff != "" {
			t.Errorf("offset %g, scale %g: different clusters", test.offset, test.scale)
		}
		if relative := got.Inertia / (want.Inertia * test.scale * test.scale); math.Abs(relative-1) > 0.02 {
			t.Errorf("offset %g, scale %g: inertia is %g times the original one", test.offset, test.scale, relative)
		}
		again := make([]int32, n)
		if err := got.Assign(again, x, n); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got.Assignment, again); diff != "" {
			t.Errorf("offset %g, scale %g: Assign gives different clusters", test.offset, test.scale)
		}
		for i, v := range p {
			if math.Abs(float64(v-wantP[i])) > 0.02 {
				t.Errorf("offset %g, scale %g: posterior %g, want %g", test.offset, test.scale, v, wantP[i])
				break
			}
		}
	}
}
