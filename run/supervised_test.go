package run

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"iconic/features"
	"iconic/internal/densetest"
)

// The page says that labels were not used in training only of methods that do not learn from them.
func TestThePageSaysWhetherLabelsWereLearned(t *testing.T) {
	const n, d, k = 60, 8, 3
	set := &features.Set{
		Features: densetest.Clouds(3, n, d, k, 1.5), Source: features.Source{Store: "m", Key: "k", Rows: n, Dim: d},
		Paths: make([]string, n), Labels: make([]int, n), Classes: []string{"ash", "elm", "oak"},
	}
	for i := range set.Paths {
		set.Paths[i], set.Labels[i] = strconv.Itoa(i), i%k
	}
	for method, learned := range map[string]bool{"kmeans": false, "cross-entropy": true} {
		config, _, err := ConfigureFor(set, map[string]string{"method": method}, 0)
		if err != nil {
			t.Fatal(err)
		}
		training := Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: config}
		if _, err := training.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := WritePage(t.Context(), training.Dir, set, PageOptions{}); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(training.Dir, PageFile))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]int{"Labels were not used in training": 1, "Labels were used neither in training": 1, "The method learned from the labels": 0} {
			if learned {
				want = 2 * (1 - want)
			}
			if got := strings.Count(string(page), text); got != want {
				t.Errorf("%s: the page says %q %d times, want %d", method, text, got, want)
			}
		}
	}
}
