package sweep

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"iconic/features"
	"iconic/internal/npy"
)

// unusable opens features of which row 17 is not finite, and others that are.
func unusable(t *testing.T) (good, bad *features.Set) {
	t.Helper()
	x := make([]float32, 40*3)
	for i := range x {
		x[i] = float32(i * i % 17)
	}
	open := func(name string) *features.Set {
		name = filepath.Join(t.TempDir(), name)
		if err := npy.Write(name, []int{40, 3}, x); err != nil {
			t.Fatal(err)
		}
		set, err := features.Open(name, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { set.Close() })
		return set
	}
	good = open("good.npy")
	x[17*3] = float32(math.NaN())
	return good, open("bad.npy")
}

// Of several sets of features, the error names the one that is not finite.
func TestTheSetThatIsNotFiniteIsNamed(t *testing.T) {
	good, bad := unusable(t)
	s, err := Plan(Options{Dir: filepath.Join(t.TempDir(), "sweep"), Sets: []*features.Set{good, bad}, Combinations: Grid(map[string][]string{"clusters": {"2"}, "method": {"kmeans"}}), Seeds: 1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := bad.Source.Store + ": features of row 17 are not finite"
	if err := s.Train(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
