package duplicates_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic"
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
