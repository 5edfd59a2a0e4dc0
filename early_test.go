package iconic

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/store"
	"iconic/extract/synthetic"
	"iconic/features"
	"iconic/head/icon"
	"iconic/internal/densetest"
	"iconic/matrix"
	"iconic/progress"
	"iconic/run"
)

// What the options and the list of images tell is refused before the encoder is needed, whether or not the clusters are to be counted: there is none.
func TestWhatIsKnownIsRefusedBeforeEncoding(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "images")
	if err := synthetic.Write(t.Context(), data, 3, 64, 1); err != nil {
		t.Fatal(err)
	}
	others, err := features.New(densetest.Clouds(4, 29, 6, 3, 4), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	encodes := filepath.Join(dir, "none") // the library that is not there
	for _, c := range []struct {
		method string
		change func(o *Options)
		want   string
	}{
		{"clip", nil, "method clip pairs two sets of features, but there is only one"},
		{"clip", func(o *Options) { o.Second = others }, "the second set has 29 rows, the first 30"},
		{"clip", func(o *Options) { o.Second = &features.Set{} }, "second set: there are no features"},
		{"cmc", nil, "method cmc compares views of an image, but the features have only one"},
		{"cmc", func(o *Options) { o.Extraction.Views = 2 }, encodes},
		{"tsne-graph", nil, "method tsne-graph draws a graph, but there is none"},
		{"tsne-graph", func(o *Options) { o.Edges = []icon.Edge{{From: 0, To: 30, Weight: 1}} }, "30"},
		{"supcon", nil, encodes},
		{"supcon", func(o *Options) { o.Extraction.Dataset.LabelsFrom = dataset.None }, "method supcon learns from labels, but there are none"},
		{"kmeans", func(o *Options) { o.Second = others }, "method kmeans does not read a second set of features"},
		{"kmeans", nil, encodes},
	} {
		for _, clusters := range []string{"10", run.AutoClusters} {
			o := Options{
				Encoding: Encoding{Model: "tiny", Library: encodes}, Store: filepath.Join(dir, "store"),
				Training: Training{Out: filepath.Join(dir, "run"), Settings: map[string]string{"method": c.method, "clusters": clusters}},
			}
			if c.change != nil {
				c.change(&o)
			}
			_, err := Cluster(t.Context(), data, o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, clusters %s: %v, want %q", c.method, clusters, err, c.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "store")); err == nil {
				t.Fatalf("%s, clusters %s: there is a store", c.method, clusters)
			}
			if c.change != nil || c.want == encodes {
				continue
			}
			if _, err = Demo(t.Context(), filepath.Join(dir, "demo"), Options{Training: o.Training}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("demo of %s, clusters %s: %v, want %q", c.method, clusters, err, c.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "demo")); err == nil {
				t.Fatalf("demo of %s, clusters %s: there is a folder", c.method, clusters)
			}
		}
	}
}

// A training checks its inputs before it counts clusters.
func TestInputsAreCheckedBeforeClustersAreCounted(t *testing.T) {
	set := trainable(t)
	for method, want := range map[string]string{
		"clip": "pairs two sets", "cmc": "compares views", "sne-graph": "draws a graph", "supcon": "learns from labels",
	} {
		o := Training{Out: filepath.Join(t.TempDir(), "run"), Settings: map[string]string{"method": method, "clusters": run.AutoClusters}}
		o.Hooks.Step = func(s progress.Step) { t.Errorf("%s: %+v", method, s) }
		_, err := Train(t.Context(), set, o)
		var wrong *run.SettingsError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", method, err, want)
		}
	}
}

// Images that may turn out to be unreadable are no reason to refuse what fits without them.
func TestPromisesAllowForBadImages(t *testing.T) {
	listed := &dataset.Set{Classes: []string{"a", "b"}}
	for i, path := range []string{"a/1", "a/2", "b/3", "b/4", "x"} {
		listed.Items = append(listed.Items, dataset.Item{Path: path, Label: []int{0, 0, 1, 1, -1}[i]})
	}
	matrixOf := func(rows int) *features.Set {
		set, err := features.New(matrix.NewDense(rows, 3), nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	named := func(paths ...string) *features.Set {
		set := matrixOf(len(paths))
		set.Paths, set.Encoder = paths, []byte("{}")
		return set
	}
	for _, c := range []struct {
		name   string
		bad    float64
		second *features.Set
		method string
		refuse bool
	}{
		{"an unlabelled image", 0, nil, "supcon", true},
		{"one that may be bad", 0.2, nil, "supcon", false},
		{"a shorter matrix", 0, matrixOf(4), "clip", true},
		{"a matrix without the bad one", 0.2, matrixOf(4), "clip", false},
		{"a matrix without too many", 0.2, matrixOf(3), "clip", true},
		{"a longer matrix", 1, matrixOf(6), "clip", true},
		{"a store of the same", 0, named("a/1", "a/2", "b/3", "b/4", "x"), "clip", false},
		{"a store without a bad one", 0.2, named("a/1", "b/3", "b/4", "x"), "clip", false},
		{"a store of others", 0.2, named("a/1", "b/3", "b/5", "x"), "clip", true},
	} {
		set := promised(listed, 1, c.bad, c.second)
		err := Training{Settings: map[string]string{"method": c.method, "clusters": "2"}, Second: c.second}.checkFor(set)
		if (err != nil) != c.refuse {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A run is not continued with other settings or from other features, which is told before anything is encoded.
func TestAnotherRunIsNotContinued(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "images")
	if err := synthetic.Write(t.Context(), data, 3, 64, 1); err != nil {
		t.Fatal(err)
	}
	o := Options{
		Encoding: Encoding{Model: "tiny"}, Store: filepath.Join(dir, "store"), Extraction: extract.Config{Seed: 1},
		Training: Training{Out: filepath.Join(dir, "run"), Settings: map[string]string{"method": "kmeans"}, Resume: true},
	}
	if _, err := Cluster(t.Context(), data, o); err != nil {
		t.Fatal(err)
	}
	if f, err := Cluster(t.Context(), data, o); err != nil || !f.Unchanged {
		t.Fatalf("the same again: %v, %v", f, err)
	}
	o.Library = filepath.Join(dir, "none")
	for want, change := range map[string]func(o *Options){
		"other settings (seed 0, which is 3 now)":       func(o *Options) { o.Training.Seed = 3 },
		"other settings (clusters 10, which is 4 now)":  func(o *Options) { o.Clusters = 4 },
		"other features (now views 3, not 1 before)":    func(o *Options) { o.Extraction.Views = 3 },
		"other features (now dtype float16, not float3": func(o *Options) { o.Extraction.Half = true },
		"other features (now preprocessing":             func(o *Options) { o.Whole = true },
	} {
		for _, folder := range []string{o.Store, filepath.Join(dir, "another")} {
			other := o
			other.Store = folder
			change(&other)
			_, err := Cluster(t.Context(), data, other)
			var e *run.OtherError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	more := filepath.Join(dir, "more")
	if err := synthetic.Write(t.Context(), more, 4, 64, 1); err != nil {
		t.Fatal(err)
	}
	other := o
	other.Store = filepath.Join(dir, "another")
	for _, maxBad := range []float64{0, 0.2} { // of 40 images at most 8 may be unreadable, the run has 30
		other.Extraction.MaxBad = maxBad
		if _, err := Cluster(t.Context(), more, other); err == nil || !strings.Contains(err.Error(), "other features (of 30 images, where there are 40 now)") {
			t.Errorf("another folder: %v", err)
		}
	}
	if store.Is(other.Store) {
		t.Error("images were encoded")
	}
	if err := os.WriteFile(filepath.Join(o.Out, "config.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Cluster(t.Context(), data, o); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("a damaged run: %v", err)
	}
	if names, err := os.ReadDir(dir); err != nil || slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == "another" }) {
		t.Errorf("%v %v", names, err)
	}
}

// Of the options of the encoder, an Encoding overrides what it sets.
func TestOptionsOfTheEncoderAreKept(t *testing.T) {
	given := encoder.Options{Provider: encoder.CPU, Threads: 2, Output: "features", Resting: true}
	for _, c := range []struct {
		e    Encoding
		want encoder.Options
	}{
		{Encoding{Model: "tiny"}, given},
		{Encoding{Model: "tiny", Threads: 3, Provider: encoder.CUDA}, encoder.Options{Provider: encoder.CUDA, Threads: 3, Output: "features", Resting: true}},
	} {
		config := extract.Config{Encoder: given}
		release, err := c.e.prepare(t.Context(), &config, progress.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		release()
		if config.Encoder != c.want {
			t.Errorf("%+v, want %+v", config.Encoder, c.want)
		}
	}
}

// Features that are all the same leave no run folder.
func TestFeaturesThatAreTheSameLeaveNoFolder(t *testing.T) {
	for rows, refused := range map[int]bool{2: true, 1024: true, 2500: true, 2501: false} {
		same := matrix.NewDense(rows, 3)
		if !refused {
			same.X[len(same.X)-1] = 1
		}
		set, err := features.New(same, nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "run")
		_, err = Train(t.Context(), set, Training{Out: out, Clusters: 2, Settings: map[string]string{"method": "kmeans"}})
		_, made := os.Stat(out)
		if refused && (err == nil || !strings.Contains(err.Error(), "are the same: nothing distinguishes the images") || made == nil) || !refused && err != nil {
			t.Errorf("%d rows: %v, and its folder: %v", rows, err, made)
		}
	}
}
