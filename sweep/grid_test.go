package sweep

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/run"
)

func TestGridIsEveryCombination(t *testing.T) {
	got := Grid(map[string][]string{"alpha": {"0", " 0.2"}, "clusters": {"3", "4"}})
	want := []Combination{
		{"clusters": "3", "alpha": "0"}, {"clusters": "3", "alpha": "0.2"}, {"clusters": "4", "alpha": "0"}, {"clusters": "4", "alpha": "0.2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Grid(nil); len(got) != 1 || len(got[0]) != 0 {
		t.Errorf("nothing varied gives %v, want one combination of defaults", got)
	}
}

// A misspelt name is refused, in a grid as in a list of your own: two values of it would be one run with the defaults.
func TestUnknownNamesAreRefused(t *testing.T) {
	for name, combinations := range map[string][]Combination{
		"grid": Grid(map[string][]string{"clusters": {"2"}, "neighbors": {"5", "9"}}), "own": {{"clusters": "2", "neighbors": "5"}, {"clusters": "2", "neighbors": "9"}},
	} {
		o := planned()
		o.Seeds, o.Combinations = 1, combinations
		_, err := Plan(t.Context(), o)
		var refused *SettingsError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), `setting "neighbors" is not known: did you mean "neighbours"?`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What makes no sweep is refused before anything is trained.
func TestOptionsThatMakeNoSweepAreRefused(t *testing.T) {
	for says, change := range map[string]func(o *Options){
		"a sweep without features":     func(o *Options) { o.Sets = nil },
		"a sweep without combinations": func(o *Options) { o.Combinations = nil },
		"seeds 0: want 1 to 10000":     func(o *Options) { o.Seeds = 0 },
		"seeds 9223372036854775807":    func(o *Options) { o.Seeds = math.MaxInt },
		"the folder of the sweep has":  func(o *Options) { o.Dir = "" },
		"sizes":                        func(o *Options) { o.Combinations = Grid(map[string][]string{"clusters": {"2"}, "sizes": {}}) },
		"set 1: there is no set":       func(o *Options) { o.Sets = append(o.Sets, nil) },
		"part 9 of 2":                  func(o *Options) { o.Part, o.Parts = 9, 2 },
		"part 0 of 2":                  func(o *Options) { o.Parts = 2 },
		"part 1 of 0":                  func(o *Options) { o.Part = 1 },
		"part -1 of 0":                 func(o *Options) { o.Part = -1 },
		"part -2 of -1":                func(o *Options) { o.Part, o.Parts = -2, -1 },
		"clusters 1: want at least 2":  func(o *Options) { o.Combinations[0]["clusters"] = "1" },
	} {
		o := planned()
		change(&o)
		_, err := Plan(t.Context(), o)
		var refused *SettingsError
		if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v is no SettingsError that begins with %q", err, says)
		}
	}
	for _, part := range []int{1, 2} {
		o := planned()
		o.Part, o.Parts = part, 2
		plan(t, o)
	}
}

func TestListsOfCombinations(t *testing.T) {
	want, places := []Combination{{"alpha": "0.2", "batch": "1024"}, {"alpha": "0"}}, []string{"list, line 2", "list, line 4"}
	for _, first := range []string{"# two of them", "\ufeff# two of them", "\ufeff"} {
		got, origins, err := readList(strings.NewReader(first+"\nalpha=0.2 batch=1024\n\nalpha=0 # none\n"), "list")
		if diff := cmp.Diff(want, got) + cmp.Diff(places, origins); err != nil || diff != "" {
			t.Errorf("after the line %q: %v %s", first, err, diff)
		}
	}
	if got, _, err := readList(strings.NewReader("\ufeffalpha=0"), "list"); err != nil || len(got) != 1 || got[0]["alpha"] != "0" {
		t.Errorf("after a byte order mark: %v, %v", got, err)
	}
	for text, says := range map[string]string{
		"alpha=0\nalfa=1\n": "list, line 2: \"alfa=1\"", "alpha\n": "line 1", "# nothing\n": "list lists no combination",
		"alpha=0\nclusters=3 alpha=0 clusters=4\n": "list, line 2: clusters is given twice, as 3 and as 4: give each combination a line of its own",
		"clusters=5\nclusters=auto\n":              "list, line 2: \"clusters=auto\": want a number of clusters, such as clusters=10",
	} {
		_, _, err := readList(strings.NewReader(text), "list")
		var bad *ListError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want one with %q", text, err, says)
		}
	}
}

func TestVaryingSettingsAreNamedInOrder(t *testing.T) {
	got := varying([]Combination{{"alpha": "0", "clusters": "3"}, {"alpha": "0.2", "clusters": "3"}, {"clusters": "3", "alpha": "0", "batch": "8"}}, run.Settings())
	if slices.Compare(got, []string{"batch", "alpha"}) != 0 && slices.Compare(got, []string{"alpha", "batch"}) != 0 {
		t.Errorf("varying %v, want alpha and batch", got)
	}
}

// The curve of each side has a point at α = 0, where all sides have the same run; a combination that is only written differently adds none.
func TestPointsThatShareRuns(t *testing.T) {
	for name, c := range map[string]struct {
		combinations []Combination
		runs         int
		points, note string
	}{
		"each side begins at 0": {
			Grid(map[string][]string{"alpha": {"0", "0.4"}, "sides": {"target", "learned", "both"}}), 4,
			"0 target, 0 learned, 0 both, 0.4 target, 0.4 learned, 0.4 both", "",
		},
		"one repeats":          {Grid(map[string][]string{"alpha": {"0.4", "0.40", "0.2"}}), 2, "0.4, 0.2", "1 combination repeats another: it counts once"},
		"two repeat":           {Grid(map[string][]string{"alpha": {"0.4", "0.40", "4e-1"}}), 1, "0.4", "2 combinations repeat others: each counts once"},
		"the default, spelled": {[]Combination{{"alpha": "0.4"}, {"alpha": "0.4", "sides": "both"}}, 1, "default", "1 combination repeats another: it counts once"},
	} {
		o := planned()
		o.Combinations = c.combinations
		for _, one := range o.Combinations {
			one["method"] = "debiased-infonce-clustering"
		}
		var notes []string
		o.Hooks.Note = func(text string) { notes = append(notes, text) }
		s, err := Plan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var points []string
		for _, p := range s.points {
			points = append(points, strings.Join(p.values, " "))
		}
		if got := strings.Join(points, ", "); got != c.points || len(s.Jobs) != c.runs {
			t.Errorf("%s: %d runs for the points %q, want %d for %q", name, len(s.Jobs), got, c.runs, c.points)
		}
		if has := slices.Contains(notes, c.note); has != (c.note != "") {
			t.Errorf("%s: notes %q, want %q", name, notes, c.note)
		}
	}
}

// The error of a word that is no setting says what it may be, and that of a line too long to read which it is.
func TestWordsOfAListAreExplained(t *testing.T) {
	for list, want := range map[string]string{
		"clusters=2\nseed=3": `l.txt, line 2: "seed=3": each combination is trained with every seed: leave it out`, "alhpa=0.2": "; did you mean alpha?", "alpha": "want name=value",
		"\nalpha=" + strings.Repeat("1", 70_000): "l.txt, line 2: the line has more than 65536 characters",
	} {
		_, _, err := readList(strings.NewReader(list), "l.txt")
		var of *ListError
		if !errors.As(err, &of) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: error %v, want %q", list, err, want)
		}
	}
}
