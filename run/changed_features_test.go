package run

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iconic/features"
	"iconic/internal/densetest"
	"iconic/internal/npy"
	"iconic/progress"
)

// A matrix that is written to while a run is made of it ends the run before anything of the mixture is kept, whatever its method and whether it is the
// first or the second set.
func TestFeaturesThatChangeEndATraining(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	const n, d = 90, 6
	matrix := func(seed uint64) string {
		t.Helper()
		name, past := filepath.Join(t.TempDir(), "x.npy"), time.Now().Add(-time.Hour)
		if err := errors.Join(npy.Write(name, []int{n, d}, densetest.Clouds(seed, n, d, 3, 3).X), os.Chtimes(name, past, past)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	other, err := os.ReadFile(matrix(7))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ method, at, which string }{
		"while it trains": {"debiased-infonce-clustering", "steps", "first"}, "while it is scored": {"kmeans", "k-means baseline", "first"},
		"the second set": {"clip", "steps", "second"},
	} {
		files := map[string]string{"first": matrix(1), "second": matrix(2)}
		open := func(which string) *features.Set {
			t.Helper()
			set, err := features.Open(files[which], "")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { set.Close() })
			return set
		}
		training := clouds(t, map[string]string{"method": c.method})
		training.Features = open("first")
		if c.which == "second" {
			training.Second = open("second")
		}
		changed := false
		change := func(at string) {
			if at == c.at && !changed {
				changed = true
				f, err := os.OpenFile(files[c.which], os.O_WRONLY, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := f.Write(other); err != nil {
					t.Error(err)
				}
				f.Close()
			}
		}
		training.Hooks = progress.Hooks{Step: func(s progress.Step) { change(s.Unit) }, Begun: change}
		_, err := training.Train(t.Context())
		if !changed || err == nil || !strings.Contains(err.Error(), files[c.which]+" was written to after it was opened") {
			t.Errorf("%s: changed %v, error %v", name, changed, err)
		}
		if _, err := os.Stat(filepath.Join(training.Dir, metricsFile)); err == nil {
			t.Errorf("%s: the run has scores", name)
		}
	}
}
