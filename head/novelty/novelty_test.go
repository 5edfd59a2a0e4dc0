package novelty

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/densetest"
	"iconic/matrix"
)

// plain computes the distance of x to the nearest row, in float64.
func plain(x []float32, rows *matrix.Dense, but int) float64 {
	best := math.Inf(1)
	for j := range rows.Len() {
		if j == but {
			continue
		}
		var dot, a, b float64
		for e, v := range rows.Row(j) {
			dot += float64(v) * float64(x[e])
			a += float64(v) * float64(v)
			b += float64(x[e]) * float64(x[e])
		}
		best = min(best, 1-dot/math.Sqrt(a*b))
	}
	return best
}

// If every row is a reference, distances are those to the nearest row, and 95 % of the rows are within the threshold.
func TestDistancesToTheNearestRow(t *testing.T) {
	m := densetest.Clouds(3, 300, 12, 5, 4)
	d, err := Fit(context.Background(), m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	within := 0
	for i := range m.Len() {
		if plain(m.Row(i), m, i) <= d.Threshold+1e-6 {
			within++
		}
	}
	if within != 285 {
		t.Errorf("%d of 300 rows are within the threshold, want 285", within)
	}
	other := densetest.Clouds(4, 40, 12, 5, 4)
	got := make([]float64, 40)
	before := append([]float32(nil), other.X...)
	if err := d.Distances(got, other.X, 40); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if want := plain(other.Row(i), m, -1); math.Abs(v-want) > 1e-5 {
			t.Errorf("row %d is at %g, want %g", i, v, want)
		}
	}
	if !cmp.Equal(before, other.X) {
		t.Error("the features were changed")
	}
}

// A sample does nearly as well: most points of the same clouds are within the threshold, and most of others are not.
func TestTellsOtherCloudsFromASample(t *testing.T) {
	all := densetest.Clouds(3, 4000, 24, 10, 2)
	half := &matrix.Dense{Width: 24, X: all.X[:2000*24]}
	for _, workers := range []int{1, 3} {
		d, err := Fit(context.Background(), half, Options{References: 500, Probes: 1500, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		share := func(x []float32) float64 {
			n := len(x) / 24
			dst, within := make([]float64, n), 0
			if err := d.Distances(dst, x, n); err != nil {
				t.Fatal(err)
			}
			for _, v := range dst {
				if v <= d.Threshold {
					within++
				}
			}
			return float64(within) / float64(n)
		}
		same, others := share(all.X[2000*24:]), share(densetest.Clouds(99, 2000, 24, 10, 2).X)
		if same < 0.9 || others > 0.3 {
			t.Errorf("%d workers: %.2f of the same clouds and %.2f of others are within the threshold", workers, same, others)
		}
	}
}

func TestSavedAndLoaded(t *testing.T) {
	d, err := Fit(context.Background(), densetest.Clouds(1, 50, 6, 2, 3), Options{References: 20})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "novelty.safetensors")
	if none, err := Load(name); none != nil || err != nil {
		t.Fatalf("without a file: %v, %v", none, err)
	}
	if err := d.Save(name); err != nil {
		t.Fatal(err)
	}
	again, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Error(diff)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(content) {
		if err := os.WriteFile(name, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); err == nil {
			t.Fatalf("read a file cut to %d of %d bytes", cut, len(content))
		}
	}
}

func TestRefuses(t *testing.T) {
	ctx := context.Background()
	if _, err := Fit(ctx, matrix.NewDense(1, 3), Options{}); err == nil || !strings.Contains(err.Error(), "want at least 2") {
		t.Errorf("one row: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Fit(ended, matrix.NewDense(9, 3), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	d, err := Fit(ctx, matrix.NewDense(9, 3), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Distances(make([]float64, 2), make([]float32, 5), 2); err == nil {
		t.Error("features of another size: no error")
	}
	if err := d.Distances(make([]float64, 2), make([]float32, 9), 2); err == nil {
		t.Error("more features than rows: no error")
	}
	zero := make([]float64, 1)
	if err := d.Distances(zero, make([]float32, 3), 1); err != nil || zero[0] != 1 {
		t.Errorf("features of length 0 are at %v, %v, want 1", zero, err)
	}
}

// References that are not numbers, or not directions, are damage and give no distances.
func TestLoadRefusesReferencesThatAreNotOfLength1(t *testing.T) {
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), 1.5, 1e30} {
		d := &Detector{Threshold: 0.5, Dim: 2, References: []float32{1, 0, 0, v}}
		name := filepath.Join(t.TempDir(), "novelty.safetensors")
		if err := d.Save(name); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), name+": row 1 of references") {
			t.Errorf("a reference of %g: %v", v, err)
		}
	}
}
