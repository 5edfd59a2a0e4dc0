package iconic

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"iconic/comparison"
	"iconic/features"
	"iconic/internal/densetest"
	"iconic/progress"
	"iconic/run"
)

// threeRuns makes run folders a, b and c with k-means, each with its own seed.
func threeRuns(t *testing.T) []string {
	t.Helper()
	const n, d = 60, 4
	set := &features.Set{Features: densetest.Clouds(3, n, d, 3, 3), Source: features.Source{Store: "m", Key: "k", Rows: n, Dim: d}, Paths: make([]string, n)}
	for i := range set.Paths {
		set.Paths[i] = strconv.Itoa(i)
	}
	top := t.TempDir()
	var dirs []string
	for seed, name := range []string{"a", "b", "c"} {
		config, _, err := run.Configure(map[string]string{"method": "kmeans", "clusters": "3"}, uint64(seed), n, 0)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, filepath.Join(top, name))
		if _, err := (&run.Training{Dir: dirs[seed], Features: set, Config: config, Workers: 1}).Train(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}

// A run without scores, or whose training has not ended, is left out with a warning; anything else that is missing ends the comparison.
func TestRunsWithoutScoresAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		lost    []string // files of the last run
		warning string
		err     string
	}{
		"whole":      {nil, "", ""},
		"no scores":  {[]string{"metrics.json"}, "it has no scores", ""},
		"no table":   {[]string{"assignments.csv"}, "it has no scores", ""},
		"unfinished": {[]string{"head.safetensors", "metrics.json", "assignments.csv"}, "its training has not ended", ""},
		"no run":     {[]string{"config.json", "head.safetensors", "metrics.json", "assignments.csv"}, "", "is not a run folder"},
	} {
		t.Run(name, func(t *testing.T) {
			dirs := threeRuns(t)
			for _, file := range c.lost {
				if err := os.Remove(filepath.Join(dirs[2], file)); err != nil {
					t.Fatal(err)
				}
			}
			var warned []string
			hooks := progress.Hooks{Warn: func(s string) { warned = append(warned, s) }}
			found, err := comparison.Open(t.Context(), dirs, comparison.Options{Workers: 1, Hooks: hooks})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v does not say %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := 3
			if c.warning != "" {
				want = 2
			}
			if len(found.Runs) != want || len(warned) != 3-want || !strings.Contains(strings.Join(warned, ""), c.warning) {
				t.Errorf("%d runs, warnings %q", len(found.Runs), warned)
			}
		})
	}
}

// Page is the name of a file that exists.
func TestPageIsNamedOnceItIsWritten(t *testing.T) {
	c, err := comparison.Open(t.Context(), threeRuns(t), comparison.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.Write(t.Context(), dir); err == nil || c.Page != "" {
		t.Errorf("a folder in place of the page: %v, page %q", err, c.Page)
	}
	name := filepath.Join(dir, "page.html")
	if err := c.Write(t.Context(), name); err != nil || c.Page != name {
		t.Errorf("%v, page %q", err, c.Page)
	}
}
