package curation

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const dim = 3

// made is a clustering of n images into k clusters.
func made(n, k int) Base {
	b := Base{Dim: dim}
	for i := range n {
		b.Cluster = append(b.Cluster, i%k)
	}
	for c := range k {
		b.Names = append(b.Names, fmt.Sprint("name ", c))
	}
	return b
}

func begun(t testing.TB, b Base) *State {
	t.Helper()
	s, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func apply(t testing.TB, s *State, steps ...Step) {
	t.Helper()
	for _, step := range steps {
		if err := s.Apply(step); err != nil {
			t.Fatal(err)
		}
	}
}

// seen is everything a state exposes.
type seen struct {
	Clusters []Cluster
	Of       []int
	Excluded []bool
	Routes   string
	Redo     bool
}

func look(s *State) seen {
	var routes strings.Builder
	for _, r := range s.Routes() {
		describe(&routes, r)
		routes.WriteByte(' ')
	}
	return seen{slices.Clone(s.Clusters), slices.Clone(s.Of), slices.Clone(s.Excluded), routes.String(), s.CanRedo()}
}

func describe(to *strings.Builder, r *Route) {
	if !r.Split() {
		fmt.Fprint(to, r.Cluster)
		return
	}
	fmt.Fprintf(to, "(%v ", r.Centres[0][0])
	describe(to, r.Part[0])
	to.WriteByte('|')
	describe(to, r.Part[1])
	to.WriteByte(')')
}

func centres(a, b float32) *Centres { return &Centres{{a, 0, 0}, {b, 0, 0}} }

func TestSteps(t *testing.T) {
	s := begun(t, made(9, 3)) // clusters 0 1 2 0 1 2 0 1 2
	apply(t, s,
		Step{Kind: Rename, Cluster: 1, Name: "dogs"},
		Step{Kind: Merge, Cluster: 1, From: []int{2}},
		Step{Kind: Split, Cluster: 1, New: 3, Images: []int{1, 2}, Centres: centres(0, 1)},
		Step{Kind: Move, Cluster: 4, Images: []int{0}},
		Step{Kind: Exclude, Images: []int{7, 8}},
		Step{Kind: Review, Cluster: 3, Reviewed: true},
	)
	want := seen{
		Clusters: []Cluster{{"name 0", false, -1}, {"dogs", false, -1}, {"name 2", false, 1}, {"", true, -1}, {"", false, -1}},
		Of:       []int{4, 3, 3, 0, 1, 1, 0, 1, 1},
		Excluded: []bool{false, false, false, false, false, false, false, true, true},
		Routes:   "0 (0 1|3) (0 1|3) ",
	}
	if diff := cmp.Diff(want, look(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"name 0", "dogs", "", "", ""}, s.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		head int
		x    []float32
		want int
	}{{0, []float32{9, 9, 9}, 0}, {1, []float32{0.2, 0, 0}, 1}, {1, []float32{0.8, 5, 0}, 3}, {2, []float32{0.8, 0, 0}, 3}, {2, []float32{0.5, 0, 0}, 1}} {
		if got := s.Routes()[c.head].Follow(c.x); got != c.want {
			t.Errorf("an image of head's cluster %d at %v goes to %d, want %d", c.head, c.x, got, c.want)
		}
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	s := begun(t, made(9, 3))
	apply(t, s, Step{Kind: Merge, Cluster: 0, From: []int{1}})
	before := look(s)
	for _, c := range []struct {
		step Step
		want string
	}{
		{Step{Kind: Rename, Cluster: 1, Name: "x"}, "there is no cluster 1"}, // it is part of 0
		{Step{Kind: Rename, Cluster: 3, Name: "x"}, "there is no cluster 3"},
		{Step{Kind: Rename, Cluster: 0, Name: "a\nb"}, "control characters"},
		{Step{Kind: Rename, Cluster: 0, Name: " a"}, "begins or ends with a space"},
		{Step{Kind: Rename, Cluster: 0, Name: "\xff"}, "not UTF-8"},
		{Step{Kind: Rename, Cluster: 0, Name: strings.Repeat("x", 201)}, "201 bytes"},
		{Step{Kind: Merge, Cluster: 0, From: []int{0}}, "cluster 0 cannot become part of cluster 0"},
		{Step{Kind: Merge, Cluster: 0, From: []int{2, 2}}, "cluster 2 cannot become part"},
		{Step{Kind: Merge, Cluster: 0}, "no cluster is named"},
		{Step{Kind: Split, Cluster: 0, New: 4, Images: []int{0}, Centres: centres(0, 1)}, "want 3"},
		{Step{Kind: Split, Cluster: 0, New: 3, Images: []int{0}}, "two centres of 3 features"},
		{Step{Kind: Split, Cluster: 0, New: 3, Images: []int{2}, Centres: centres(0, 1)}, "image 2 is in cluster 2, not in 0"},
		{Step{Kind: Move, Cluster: 4, Images: []int{0}}, "there is no cluster 4"},
		{Step{Kind: Move, Cluster: 0, Images: []int{1, 1}}, "out of order"},
		{Step{Kind: Exclude, Images: []int{9}}, "one of 9"},
		{Step{Kind: Exclude}, "no image is named"},
		{Step{Kind: "shuffle"}, `step "shuffle" is unknown`},
		{Step{Kind: Redo}, "nothing to undo"},
	} {
		if err := s.Apply(c.step); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.step, err, c.want)
		}
	}
	if diff := cmp.Diff(before, look(s)); diff != "" {
		t.Errorf("refused steps changed the state (-before +after):\n%s", diff)
	}
	apply(t, s, Step{Kind: Undo})
	if err := s.Apply(Step{Kind: Undo}); !errors.Is(err, ErrNothing) {
		t.Errorf("undo without a step: %v", err)
	}
}

// anyStep draws a step that may or may not be possible.
func anyStep(t *rapid.T, s *State) Step {
	k := len(s.Clusters)
	cluster := rapid.IntRange(0, k)
	images := func() []int {
		list := rapid.SliceOfNDistinct(rapid.IntRange(0, len(s.Of)-1), 1, 5, rapid.ID[int]).Draw(t, "images")
		slices.Sort(list)
		return list
	}
	step := Step{Kind: rapid.SampledFrom([]Kind{Rename, Merge, Split, Move, Exclude, Include, Review, Undo, Undo, Redo}).Draw(t, "kind")}
	switch step.Kind {
	case Rename:
		step.Cluster, step.Name = cluster.Draw(t, "cluster"), rapid.StringN(0, 8, 40).Draw(t, "name")
	case Merge:
		step.Cluster, step.From = cluster.Draw(t, "into"), rapid.SliceOfN(cluster, 1, 3).Draw(t, "from")
	case Split:
		step.Cluster, step.New = cluster.Draw(t, "cluster"), k
		for i, c := range s.Of {
			if c == step.Cluster && i%2 == 0 {
				step.Images = append(step.Images, i)
			}
		}
		step.Centres = centres(float32(k), float32(k+1))
	case Move:
		step.Cluster, step.Images = cluster.Draw(t, "to"), images()
	case Exclude, Include:
		step.Images = images()
	case Review:
		step.Cluster, step.Reviewed = cluster.Draw(t, "cluster"), rapid.Bool().Draw(t, "reviewed")
	}
	return step
}

// Any sequence of steps, undo and redo included, gives the same state as the steps that remain in effect; and after every step the
// invariants of the state hold.
func TestUndoAndRedoAreReplays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := made(rapid.IntRange(1, 30).Draw(t, "images"), rapid.IntRange(1, 5).Draw(t, "clusters"))
		s, err := New(b)
		if err != nil {
			t.Fatal(err)
		}
		var stand, back []Step // kept the simple way
		for range rapid.IntRange(0, 25).Draw(t, "steps") {
			step := anyStep(t, s)
			if s.Apply(step) != nil {
				continue
			}
			switch step.Kind {
			case Undo:
				back = append(back, stand[len(stand)-1])
				stand = stand[:len(stand)-1]
			case Redo:
				stand = append(stand, back[len(back)-1])
				back = back[:len(back)-1]
			default:
				stand, back = append(stand, step), nil
			}
			plain, err := New(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range stand {
				if err := plain.Apply(step); err != nil {
					t.Fatalf("a step in effect cannot be applied: %v", err)
				}
			}
			want := look(plain)
			want.Redo = len(back) > 0
			if diff := cmp.Diff(want, look(s)); diff != "" {
				t.Fatalf("after %v (-want +got):\n%s", step.Kind, diff)
			}
			for i, c := range s.Of {
				if !s.Own(c) {
					t.Fatalf("image %d is in cluster %d, which was merged away", i, c)
				}
			}
			for c, r := range s.Routes() {
				r.each(func(end *Route) {
					if !s.Own(end.Cluster) {
						t.Fatalf("the head's cluster %d leads to %d, which was merged away", c, end.Cluster)
					}
				})
			}
		}
	})
}

var run = Identity{Head: "abc", Images: "def", Rows: 12, Clusters: 3}

func open(t testing.TB, dir string, id Identity) *Curation {
	t.Helper()
	c, err := Open(dir, id, made(12, 3))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheFileHoldsEveryStep(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, run)
	steps := []Step{
		{Kind: Rename, Cluster: 1, Name: "Hündchen, \"klein\""}, {Kind: Merge, Cluster: 1, From: []int{2}}, {Kind: Undo},
		{Kind: Split, Cluster: 0, New: 3, Images: []int{0, 3}, Centres: centres(0.1, 1e-30)}, {Kind: Exclude, Images: []int{5}}, {Kind: Undo}, {Kind: Redo},
	}
	var after []seen
	for _, step := range steps {
		if err := c.Take(step); err != nil {
			t.Fatal(err)
		}
		after = append(after, look(c.State))
	}
	if _, err := Open(dir, run, made(12, 3)); !errors.Is(err, ErrBusy) {
		t.Errorf("a second process: %v", err)
	}
	if err := c.Take(Step{Kind: Rename, Cluster: 9}); err == nil {
		t.Error("a rename of a missing cluster is accepted")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("cut anywhere", func(t *testing.T) {
		ends := []int{}
		for i, b := range content {
			if b == '\n' {
				ends = append(ends, i+1)
			}
		}
		for cut := ends[0]; cut <= len(content); cut++ {
			whole := 0
			for whole < len(steps) && ends[whole+1] <= cut {
				whole++
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), content[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			s, torn, err := Load(dir, run, made(12, 3))
			if err != nil || torn != (ends[whole] < cut) {
				t.Fatalf("cut at %d: torn %v, %v", cut, torn, err)
			}
			if whole > 0 && !cmp.Equal(after[whole-1], look(s)) {
				t.Fatalf("cut at %d of %d: the remaining state is not that of the first %d steps", cut, len(content), whole)
			}
			c := open(t, dir, run)
			if err := c.Take(Step{Kind: Rename, Cluster: 0, Name: "after"}); err != nil || c.Torn != torn {
				t.Fatalf("continuing after a cut at %d: torn %v, %v", cut, c.Torn, err)
			}
			want := look(c.State)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			again, torn, err := Load(dir, run, made(12, 3))
			if err != nil || torn || !cmp.Equal(want, look(again)) {
				t.Fatalf("read again after a cut at %d: torn %v, %v", cut, torn, err)
			}
		}
	})

	for name, c := range map[string]struct {
		content string
		id      Identity
		want    string
	}{
		"of another run":      {string(content), Identity{Head: "xyz", Images: "def", Rows: 12, Clusters: 3}, "belongs to another run"},
		"of a newer format":   {strings.Replace(string(content), `"format":1`, `"format":2`, 1), run, "this program reads format 1"},
		"damaged":             {strings.Replace(string(content), `"merge"`, `"mer`, 1), run, "curation.jsonl, line 3, cannot be understood: "},
		"a step left out":     {strings.Replace(string(content), `"cluster":1,"from":[2]`, `"cluster":2,"from":[2]`, 1), run, "cluster 2 cannot become part of cluster 2"},
		"with unknown steps":  {string(content) + "{\"step\":\"paint\"}\n", run, `step "paint" is unknown`},
		"without a beginning": {string(content[bytes.IndexByte(content, '\n')+1:]), run, "line 1, cannot be understood: format 0"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := Load(dir, c.id, made(12, 3)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if _, err := Open(dir, c.id, made(12, 3)); err == nil {
				t.Error("a refused file can be opened")
			}
			if left, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || string(left) != c.content {
				t.Error("the refused file was changed")
			}
		})
	}
}

func TestNoCuration(t *testing.T) {
	if s, torn, err := Load(t.TempDir(), run, made(12, 3)); s != nil || torn || err != nil {
		t.Errorf("%v, %v, %v", s, torn, err)
	}
}

// Names are checked before the first is given, and only those that change are steps.
func TestRename(t *testing.T) {
	c := open(t, t.TempDir(), run)
	defer c.Close()
	was := c.Taken()
	if n, err := c.Rename(map[int]string{0: "cats", 7: "dogs"}); err == nil || n != 0 || c.Taken() != was {
		t.Errorf("a cluster that is not there: %d renamed, %v", n, err)
	}
	if n, err := c.Rename(map[int]string{0: "cats", 1: c.Clusters[1].Name, 2: ""}); err != nil || n != 2 || c.Clusters[0].Name != "cats" || c.Clusters[2].Name != "" {
		t.Errorf("%d renamed, %v, to %+v", n, err, c.Clusters)
	}
}

// A step counts as taken only if it is in the file that the run folder has, in which only the holder of its lock has written.
func TestAStepNeedsTheFileInItsPlace(t *testing.T) {
	place := func(dir, name string) string { return filepath.Join(dir, name) }
	replace := func(name string) error {
		content, err := os.ReadFile(name)
		return errors.Join(err, os.WriteFile(name+".new", content, 0o600), os.Rename(name+".new", name))
	}
	for what, c := range map[string]struct {
		harm func(dir string) error
		want string
	}{
		"the folder removed":  {os.RemoveAll, "was removed or replaced"},
		"the folder moved":    {func(dir string) error { return os.Rename(dir, dir+" moved") }, "was removed or replaced"},
		"the file removed":    {func(dir string) error { return os.Remove(place(dir, FileName)) }, "was removed or replaced"},
		"the file replaced":   {func(dir string) error { return replace(place(dir, FileName)) }, "was removed or replaced"},
		"the lock removed":    {func(dir string) error { return os.Remove(place(dir, lockName)) }, "was removed or replaced"},
		"the lock replaced":   {func(dir string) error { return replace(place(dir, lockName)) }, "was removed or replaced"},
		"the file lengthened": {func(dir string) error { return os.Truncate(place(dir, FileName), 1000) }, "was changed by another program"},
		"the file shortened":  {func(dir string) error { return os.Truncate(place(dir, FileName), 5) }, "was changed by another program"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			c1 := open(t, dir, run)
			defer c1.Close()
			if err := errors.Join(c1.Take(Step{Kind: Rename, Cluster: 1, Name: "before"}), c.harm(dir)); err != nil {
				t.Fatal(err)
			}
			before := look(c1.State)
			err := c1.Take(Step{Kind: Rename, Cluster: 1, Name: "after"})
			if err == nil || !strings.Contains(err.Error(), c.want) || !cmp.Equal(before, look(c1.State)) {
				t.Errorf("%v, want %q; the state is %+v", err, c.want, look(c1.State))
			}
		})
	}
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir, run)
	defer c.Close()
	if err := os.Rename(dir, dir+" moved"); err != nil {
		t.Fatal(err)
	}
	if err := c.Take(Step{Kind: Rename, Cluster: 1, Name: "away"}); err == nil {
		t.Error("a step is taken while the folder is away")
	}
	if err := errors.Join(os.Rename(dir+" moved", dir), c.Take(Step{Kind: Rename, Cluster: 1, Name: "back"})); err != nil {
		t.Errorf("a step when the folder is back: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		strings.Repeat("ü", 101): "the name is too long: it has 202 bytes in UTF-8, and at most 200 are allowed",
		"\u200b":                 `the name "\u200b" has no visible character`,
		"\u202eneu":              `the name "\u202eneu" has invisible characters that turn the direction of what follows: remove them`,
		"a\tb":                   `the name "a\tb" has control characters, such as tabs or line breaks: remove them`,
		"":                       "", "סוסים": "", "👩‍🚀": "", "naïve é": "", "—": "",
	} {
		if err := CheckName(name); err == nil != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%+q: %v, want %q", name, err, want)
		}
	}
}

// A name that an earlier version has stored is read, although it is no longer accepted.
func TestNamesOfEarlierVersionsAreRead(t *testing.T) {
	s, err := New(Base{Cluster: []int{0}, Names: make([]string, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(Step{Kind: Rename, Name: "\u202eneu"}); err != nil || s.Clusters[0].Name != "\u202eneu" {
		t.Errorf("%v, name %+q", err, s.Clusters[0].Name)
	}
}
