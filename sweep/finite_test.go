package sweep

import (
	"path/filepath"
	"strings"
	"testing"

	"iconic/features"
	"iconic/internal/densetest"
)

// unusable opens features of which row 17 is not finite, and others that are.
func unusable(t *testing.T) (good, bad *features.Set) {
	t.Helper()
	var sets [2]*features.Set
	sound, damaged := densetest.Files(t)
	for i, name := range []string{sound, damaged} {
		var err error
		if sets[i], err = features.Open(name, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sets[i].Close() })
	}
	return sets[0], sets[1]
}

// Of several sets of features, the error names the one that is not finite.
func TestTheSetThatIsNotFiniteIsNamed(t *testing.T) {
	good, bad := unusable(t)
	s, err := Plan(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "sweep"), Sets: []*features.Set{good, bad}, Combinations: Grid(map[string][]string{"clusters": {"2"}, "method": {"kmeans"}}), Seeds: 1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := bad.Source.Store + ": features of row 17 are not finite"
	if err := s.Train(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
