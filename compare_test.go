package iconic

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// A run that is given several times, under whatever name, is compared once, with a note.
func TestTheSameRunIsComparedOnce(t *testing.T) {
	dirs := threeRuns(t)
	a, b := dirs[0], dirs[1]
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(a, link); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		dirs  []string
		notes []string
		err   string
	}{
		{[]string{a, b, a}, []string{a + " is given more than once, and compared once"}, ""},
		{[]string{a, b + "/../a", b, link}, []string{b + "/../a is the same folder as " + a + ", and", link + " is the same folder as " + a + ", and"}, ""},
		{[]string{a, link}, []string{link + " is the same"}, "1 of 2 run folders can be compared"},
	} {
		var notes []string
		found, err := comparison.Open(t.Context(), c.dirs, comparison.Options{Workers: 1, Hooks: progress.Hooks{Note: func(s string) { notes = append(notes, s) }}})
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || c.err == "" && err != nil {
			t.Errorf("%v: %v, want %q", c.dirs, err, c.err)
		}
		if err == nil && (len(found.Runs) != 2 || found.Runs[0].Name != "a" || found.Runs[1].Name != "b") {
			t.Errorf("%v: compared are %+v", c.dirs, found.Runs)
		}
		if len(notes) != len(c.notes) {
			t.Errorf("%v: notes %q, want %q", c.dirs, notes, c.notes)
		}
		for k := range min(len(notes), len(c.notes)) {
			if !strings.HasPrefix(notes[k], c.notes[k]) {
				t.Errorf("%v: note %q, want %q", c.dirs, notes[k], c.notes[k])
			}
		}
	}
}

// The JSON of a comparison has keys in one style, and tells what limits it; a list is never null.
func TestComparisonAsJSON(t *testing.T) {
	c, err := comparison.Open(t.Context(), threeRuns(t), comparison.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, cautioned := range []bool{false, true} {
		if cautioned {
			c.Runs[1].Data = "other"
		}
		content, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range regexp.MustCompile(`"([^"]*)":`).FindAllStringSubmatch(string(content), -1) {
			if !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(key[1]) {
				t.Errorf("a key is %q", key[1])
			}
		}
		var whole struct {
			Cautions    []string
			Differences []struct {
				Name   string
				Values []string
			}
		}
		if err := json.Unmarshal(content, &whole); err != nil {
			t.Fatal(err)
		}
		if whole.Cautions == nil || len(whole.Differences) == 0 || !slices.Equal(whole.Cautions, c.Cautions()) || cautioned != (len(whole.Cautions) > 0) {
			t.Errorf("%s", content)
		}
	}
}

// Page is the name of a file that exists.
func TestPageIsNamedOnceItIsWritten(t *testing.T) {
	dirs := threeRuns(t)
	c, err := comparison.Open(t.Context(), dirs, comparison.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.Write(t.Context(), dir); err == nil || c.Page != "" {
		t.Errorf("a folder in place of the page: %v, page %q", err, c.Page)
	}
	own := filepath.Join(dirs[0], "assignments.csv")
	if err := c.Write(t.Context(), own); err == nil || !strings.Contains(err.Error(), own+" belongs to the run "+dirs[0]) || c.Page != "" {
		t.Errorf("a file of a run in place of the page: %v, page %q", err, c.Page)
	}
	name := filepath.Join(dir, "page.html")
	if err := c.Write(t.Context(), name); err != nil || c.Page != name {
		t.Errorf("%v, page %q", err, c.Page)
	}
}
