package duplicates_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic"
	"iconic/curation"
	"iconic/duplicates"
	"iconic/extract"
	"iconic/extract/synthetic"
	"iconic/internal/cachetest"
	"iconic/internal/npy"
	"iconic/option"
	"iconic/progress"
	"iconic/run"
)

// The folder of the tests' pictures, their feature store, and a matrix.
var pictures, store, matrix string

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(tests{m}).Run()) }

// tests first draws pictures: one of them twice, and one again with different bytes.
type tests struct{ *testing.M }

func (m tests) Run() int {
	folder, err := os.MkdirTemp("", "iconic")
	check(err)
	defer os.RemoveAll(folder)
	pictures, store = filepath.Join(folder, "pictures"), filepath.Join(folder, "store")
	matrix = filepath.Join(folder, "x.npy")
	check(npy.Write(matrix, []int{30, 2}, func() (x []float32) {
		for i := range 60 {
			x = append(x, float32(i%7+i%11))
		}
		return x
	}()))
	check(synthetic.Write(context.Background(), pictures, 6, 64, 1))
	star, err := os.ReadFile(filepath.Join(pictures, "star", "star-0001.png"))
	check(err)
	disc, err := os.ReadFile(filepath.Join(pictures, "disc", "disc-0001.png"))
	check(err)
	check(os.WriteFile(filepath.Join(pictures, "star", "twice.png"), star, 0o644))
	check(os.WriteFile(filepath.Join(pictures, "disc", "again.png"), append(disc, "more"...), 0o644))
	_, err = iconic.Extract(context.Background(), iconic.Encoding{Model: "tiny"}, extract.Config{Data: pictures, Out: store}, progress.Hooks{})
	check(err)
	return m.M.Run()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Copies are found in a feature store, with the images themselves for confirmation.
func ExampleOpen() {
	ctx := context.Background()
	set, err := duplicates.Open(ctx, store, duplicates.Options{Images: pictures})
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	found, err := set.Find(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, group := range found.Groups {
		for k, image := range group {
			fmt.Println(group.Kind(k), found.Names.Paths[image.Image])
		}
	}
	// Unordered output:
	// first star/star-0001.png
	// exact star/twice.png
	// first disc/again.png
	// near disc/disc-0001.png
}

// Without images only the features are compared, and the set says why.
func TestTheFeaturesDecideAlone(t *testing.T) {
	for name, c := range map[string]struct {
		o      duplicates.Options
		unseen error
		near   bool
	}{
		"unknown images": {duplicates.Options{}, duplicates.ErrNoImages, true},
		"by choice":      {duplicates.Options{FeaturesOnly: true}, nil, true},
		"exact copies":   {duplicates.Options{Exact: true}, nil, false},
	} {
		set, err := duplicates.Open(t.Context(), store, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(set.Unseen, c.unseen) {
			t.Errorf("%s: unseen because %v, want %v", name, set.Unseen, c.unseen)
		}
		found, err := set.Find(t.Context())
		if err := errors.Join(err, set.Close()); err != nil {
			t.Fatal(err)
		}
		if exact, near := found.Copies(); exact != 1 || (near > 0) != c.near {
			t.Errorf("%s: %d exact copies and %d near duplicates", name, exact, near)
		}
		if c.o.Exact && len(found.Unlike)+len(found.Elsewhere) > 0 {
			t.Errorf("%s: %d outliers", name, len(found.Unlike)+len(found.Elsewhere))
		}
	}
}

// Nobody is asked for the images of a matrix, whose rows name none.
func TestAMatrixHasNoImages(t *testing.T) {
	set, err := duplicates.Open(t.Context(), matrix, duplicates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if !errors.Is(set.Unseen, run.ErrUnnamed) {
		t.Errorf("unseen because %v", set.Unseen)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		of, want string
		o        duplicates.Options
	}{
		"correlation":     {store, "correlation 2", duplicates.Options{Correlation: 2}},
		"nothing to show": {store, "the options compare none", duplicates.Options{Images: pictures, Exact: true}},
		"no column":       {store, "the options compare none", duplicates.Options{ImageColumn: "image", FeaturesOnly: true}},
		"no hashes":       {matrix, "hashes of image files, of which " + matrix + " has none", duplicates.Options{Exact: true}},
		"no names":        {matrix, "do not say to which images they belong", duplicates.Options{Images: pictures}},
		"no names at all": {matrix, "do not say to which images they belong", duplicates.Options{ImageColumn: "image"}},
		"no run":          {store, "not a run folder", duplicates.Options{Features: store}},
		"no curation":     {store, "not a run folder", duplicates.Options{Raw: true}},
	} {
		var refused *duplicates.OptionsError
		if _, err := duplicates.Open(t.Context(), c.of, c.o); !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := duplicates.Open(t.Context(), store, duplicates.Options{Images: filepath.Join(pictures, "nowhere")}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("missing images: %v", err)
	}
	if _, err := duplicates.Open(t.Context(), filepath.Join(pictures, "nowhere"), duplicates.Options{}); err == nil {
		t.Error("missing features are not refused")
	}
}

// clustered makes a run of the pictures, whose table of assignments is safe for spreadsheets or not.
func clustered(t *testing.T, safe bool) *run.Finished {
	t.Helper()
	o := iconic.Options{Encoding: iconic.Encoding{Model: "tiny"}, Training: iconic.Training{Out: filepath.Join(t.TempDir(), "run"), Clusters: 3, Safe: safe}, Store: store}
	f, err := iconic.Cluster(t.Context(), pictures, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// curate takes steps in the curation of a run.
func curate(t *testing.T, f *run.Finished, steps ...curation.Step) {
	t.Helper()
	c, err := f.Curate()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		err = errors.Join(err, c.Take(step))
	}
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
}

// Images that were left out by hand are no duplicates. The tables in the run folder are those of the training, whatever is edited and whenever the
// page is made: a later undo needs them.
func TestImagesLeftOutAreNotSearched(t *testing.T) {
	f := clustered(t, false)
	tables := func() (both string) {
		for _, name := range []string{run.DuplicatesFile, run.OutliersFile} {
			content, err := os.ReadFile(filepath.Join(f.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			both += string(content)
		}
		return both
	}
	trained := tables()
	curate(t, f, curation.Step{Kind: curation.Merge, Cluster: 0, From: []int{1}}, curation.Step{Kind: curation.Exclude, Images: []int{slices.Index(f.Table.Paths, "star/twice.png")}})
	for raw, want := range map[bool]int{false: 0, true: 1} {
		set, err := duplicates.Open(t.Context(), f.Dir, duplicates.Options{Raw: raw})
		if err != nil {
			t.Fatal(err)
		}
		found, err := set.Find(t.Context())
		if err := errors.Join(err, set.Close()); err != nil {
			t.Fatal(err)
		}
		if exact, near := found.Copies(); exact != want || near != 1 || set.LeftOut != 1-want || found.Images != len(f.Table.Paths)-set.LeftOut {
			t.Errorf("raw %t: %d exact copies and %d near duplicates of %d images, %d left out", raw, exact, near, found.Images, set.LeftOut)
		}
		if merged := !slices.Contains(found.Names.Cluster, 1); merged == raw {
			t.Errorf("raw %t: clusters %v", raw, found.Names.Cluster)
		}
	}
	if _, err := run.Remake(t.Context(), f.Dir, run.PageOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := tables(); got != trained {
		t.Errorf("the page of edited clusters replaced the tables\n%s\nby\n%s", trained, got)
	}
	if err := os.Remove(filepath.Join(f.Dir, run.OutliersFile)); err != nil { // as in a run that had no page
		t.Fatal(err)
	}
	if _, err := run.Remake(t.Context(), f.Dir, run.PageOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := tables(); got != trained {
		t.Errorf("tables that were not there are\n%s\nnot\n%s", got, trained)
	}
	all := make([]int, len(f.Table.Paths))
	for i := range all {
		all[i] = i
	}
	curate(t, f, curation.Step{Kind: curation.Exclude, Images: all})
	if _, err := duplicates.Open(t.Context(), f.Dir, duplicates.Options{}); err == nil || !strings.Contains(err.Error(), "all images of "+f.Dir+" were left out by hand") {
		t.Errorf("no image is left: %v", err)
	}
}

// The tables of duplicates and outliers are as safe for spreadsheets as that of assignments, also after the page is made again and when a finished
// run is made safe, once or twice.
func TestTablesAreSafe(t *testing.T) {
	active := filepath.Join(pictures, "=1+1.png") // a copy of another image in the folder
	content, err := os.ReadFile(filepath.Join(pictures, "star", "star-0001.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(active, content, 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(active)
	whole := store
	defer func() { store = whole }()
	store = filepath.Join(t.TempDir(), "store")
	var safe [2]string
	for k, how := range []bool{true, false} {
		f := clustered(t, how)
		if !how {
			for range 2 {
				if err := f.MakeSafe(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, made := range []string{"first", "again"} {
			content, err := os.ReadFile(filepath.Join(f.Dir, run.DuplicatesFile))
			if err != nil {
				t.Fatal(err)
			}
			if safe[k] = string(content); !strings.Contains(safe[k], ",'=1+1.png,") {
				t.Errorf("safe %t, %s: the table is\n%s", how, made, content)
			}
			if _, err := run.Remake(t.Context(), f.Dir, run.PageOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if safe[0] != safe[1] {
		t.Errorf("a run made safe has the table\n%s\nnot\n%s", safe[1], safe[0])
	}
}

// The error for a run whose features were moved names the option that helps.
func TestFeaturesThatWereMoved(t *testing.T) {
	moved, out := filepath.Join(t.TempDir(), "moved"), filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(moved, os.DirFS(store)); err != nil {
		t.Fatal(err)
	}
	gone := moved + "-gone"
	o := iconic.Options{Encoding: iconic.Encoding{Model: "tiny"}, Training: iconic.Training{Out: out, Clusters: 3}, Store: moved}
	if _, err := iconic.Cluster(t.Context(), pictures, o); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(moved, gone); err != nil {
		t.Fatal(err)
	}
	var of *option.Error
	if _, err := duplicates.Open(t.Context(), out, duplicates.Options{}); !errors.As(err, &of) || of.Option != "Features" {
		t.Errorf("features were moved: %v", err)
	}
	set, err := duplicates.Open(t.Context(), out, duplicates.Options{Features: gone})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if set.Run == nil || set.Unseen != nil {
		t.Errorf("run %v, unseen because %v", set.Run, set.Unseen)
	}
}
