package prediction_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"iconic"
	"iconic/classify"
	"iconic/curation"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/synthetic"
	"iconic/internal/cachetest"
	"iconic/option"
	"iconic/prediction"
	"iconic/progress"
	"iconic/run"
	"iconic/sorting"
)

// The folders of the tests' run, its pictures and its feature store.
var trained, pictures, features string

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(tests{m}).Run()) }

// tests first makes a run, in its own cache.
type tests struct{ *testing.M }

func (m tests) Run() int {
	folder, err := os.MkdirTemp("", "iconic")
	check(err)
	defer os.RemoveAll(folder)
	trained, pictures, features = filepath.Join(folder, "run"), filepath.Join(folder, "pictures"), filepath.Join(folder, "features")
	check(synthetic.Write(context.Background(), pictures, 4, 64, 1))
	_, err = iconic.Cluster(context.Background(), pictures, iconic.Options{
		Encoding: iconic.Encoding{Model: "tiny"}, Training: iconic.Training{Out: trained, Clusters: 4}, Store: features,
	})
	check(err)
	return m.M.Run()
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// New images of a folder are assigned to the clusters of a run.
func ExampleImages() {
	o := prediction.Options{Data: []string{pictures}}
	sizes := map[int]int{}
	for image, err := range prediction.Images(context.Background(), trained, o) {
		if err != nil {
			log.Fatal(err)
		}
		if image.Prediction == nil {
			fmt.Println(image.Path, "could not be read:", image.Err)
			continue
		}
		sizes[image.Prediction.Cluster]++
	}
	fmt.Println(len(sizes), "clusters")
	// Output: 4 clusters
}

// predicted returns the clusters of the data's images by path; "" for an image that could not be read.
func predicted(t *testing.T, dir string, o prediction.Options) (map[string]string, error) {
	t.Helper()
	all := map[string]string{}
	for image, err := range prediction.Images(t.Context(), dir, o) {
		if err != nil {
			return all, err
		}
		cluster := ""
		if p := image.Prediction; p != nil {
			cluster = fmt.Sprintf("%d %s %.6f", p.Cluster, p.Name, p.Confidence)
		}
		all[image.Path] = cluster
	}
	return all, nil
}

// copied is a copy of the run that a test may change.
func copied(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS(trained)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Rows of a store and their images have the same predictions, also after clusters were changed by hand.
func TestAStoreAndItsImagesAgree(t *testing.T) {
	curated := copied(t)
	f, err := run.Open(curated)
	if err != nil {
		t.Fatal(err)
	}
	id, err := f.Identity()
	if err != nil {
		t.Fatal(err)
	}
	c, err := curation.Open(curated, id, f.Base())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Take(curation.Step{Kind: curation.Merge, From: []int{0, 1, 2}, Cluster: 3}), c.Close()); err != nil {
		t.Fatal(err)
	}
	for dir, clusters := range map[string]int{trained: 4, curated: 1} {
		images, err := predicted(t, dir, prediction.Options{Data: []string{pictures}})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := predicted(t, dir, prediction.Options{Data: []string{features}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(images, rows); diff != "" || len(images) != 40 {
			t.Errorf("%d images; a store of them gives others (-images +store):\n%s", len(images), diff)
		}
		seen := map[string]bool{}
		for _, p := range images {
			number, _, _ := strings.Cut(p, " ")
			seen[number] = true
		}
		if len(seen) != clusters {
			t.Errorf("%s: images are in clusters %v, want %d of them", dir, seen, clusters)
		}
	}
}

// newImages makes a folder with two pictures, one damaged image and a file of another kind.
func newImages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]string{"a.png": "star/star-0001.png", "b.png": "disc/disc-0002.png"} {
		content, err := os.ReadFile(filepath.Join(pictures, from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The images of several data are distinguished by name, and an unreadable one is visited with the reason.
func TestSeveralData(t *testing.T) {
	dir, file := newImages(t), filepath.Join(newImages(t), "a.png")
	var passes []prediction.Pass
	o := prediction.Options{
		Data: []string{dir, file, features}, MaxBad: 0.5, Passed: func(p prediction.Pass) { passes = append(passes, p) },
	}
	all, err := predicted(t, trained, o)
	if err != nil {
		t.Fatal(err)
	}
	slash := filepath.ToSlash(dir)
	if len(all) != 44 || all[filepath.ToSlash(file)] != all[slash+"/a.png"] || all[slash+"/bad.png"] != "" || all[slash+"/a.png"] != all[filepath.ToSlash(features)+"/star/star-0001.png"] {
		t.Errorf("%d images, %q for the broken one", len(all), all[slash+"/bad.png"])
	}
	if len(passes) != 2 || passes[0].Images != 1 || passes[1].Images != 2 || len(passes[1].Unread) != 1 {
		t.Errorf("passes %+v: want one of 1 file, and one of 2 images and one that was not read", passes)
	}

	o.MaxBad = 0.2
	var o1 *option.Error
	if _, err := predicted(t, trained, o); !errors.As(err, &o1) || o1.Option != "MaxBad" {
		t.Errorf("a third of the images are damaged, a fifth are allowed: %v", err)
	}
}

// The iterator stops the work when its loop ends.
func TestALoopMayEnd(t *testing.T) {
	seen := 0
	for _, err := range prediction.Images(t.Context(), trained, prediction.Options{Data: []string{pictures}}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	for _, err := range prediction.Images(ctx, trained, prediction.Options{Data: []string{features}}) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("after an interrupt: %v", errs)
	}
}

func TestOptionsThatDoNotGoWithTheData(t *testing.T) {
	to := &sorting.Folders{Dir: t.TempDir()}
	file := filepath.Join(pictures, "star", "star-0001.png")
	for name, c := range map[string]struct {
		option string
		o      prediction.Options
	}{
		"nothing":           {"Data", prediction.Options{}},
		"too many bad":      {"MaxBad", prediction.Options{Data: []string{pictures}, MaxBad: 5}},
		"a store's files":   {"Folders", prediction.Options{Data: []string{features}, Folders: to}},
		"a store watched":   {"Watch", prediction.Options{Data: []string{features}, Watch: time.Second}},
		"a store's splits":  {"Splits", prediction.Options{Data: []string{features}, Dataset: dataset.Options{Splits: []string{"train"}}}},
		"a file's splits":   {"Splits", prediction.Options{Data: []string{file}, Dataset: dataset.Options{Splits: []string{"train"}}}},
		"a file's column":   {"LabelColumn", prediction.Options{Data: []string{file}, Dataset: dataset.Options{LabelColumn: "label"}}},
		"sorted into":       {"Folders.Dir", prediction.Options{Data: []string{pictures}, Folders: &sorting.Folders{Dir: filepath.Join(pictures, "sorted")}}},
		"sorted to no name": {"Folders.Dir", prediction.Options{Data: []string{pictures}, Folders: new(sorting.Folders)}},
	} {
		err := prediction.Run(t.Context(), trained, c.o, func(prediction.Image) error { return errors.New("visited") })
		var unfit *prediction.OptionsError
		var of *option.Error
		if !errors.As(err, &unfit) || !errors.As(err, &of) || of.Option != c.option {
			t.Errorf("%s: %v; want an OptionsError about %s", name, err, c.option)
		}
	}
}

// Files go into one folder per cluster; a file that cannot be placed is named, and the others are placed.
func TestFilesInFolders(t *testing.T) {
	dir, to := newImages(t), t.TempDir()
	o := prediction.Options{Data: []string{dir}, MaxBad: 1, Folders: &sorting.Folders{Dir: to}, Model: classify.Options{}}
	if _, err := predicted(t, trained, o); err != nil {
		t.Fatal(err)
	}
	placed, err := filepath.Glob(filepath.Join(to, "*", "*.png"))
	if err != nil || len(placed) != 2 {
		t.Fatalf("%v, %v: want two files", placed, err)
	}
	blocked := t.TempDir()
	for _, file := range placed { // a file where a folder has to be
		if err := os.WriteFile(filepath.Join(blocked, filepath.Base(filepath.Dir(file))), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.Folders = &sorting.Folders{Dir: blocked}
	reasons := map[string]bool{}
	err = prediction.Run(t.Context(), trained, o, func(i prediction.Image) error {
		reasons[i.Path] = i.Prediction != nil && i.Err != nil
		return nil
	})
	var unplaced *prediction.PlaceError
	if !errors.As(err, &unplaced) || unplaced.Files != 2 || unplaced.Path != "a.png" || !reasons["a.png"] || !reasons["b.png"] {
		t.Errorf("%v, reasons for %v: want both files", err, reasons)
	}
}

// A watched folder is checked repeatedly: a new image is visited once, an unreadable one only if it stays unreadable, and a folder that is
// missing for a moment is waited for. The end of the context is the regular end.
func TestWatch(t *testing.T) {
	dir := newImages(t)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var warnings []string
	visits := map[string]int{}
	o := prediction.Options{
		Data: []string{dir}, Watch: time.Millisecond,
		Model: classify.Options{Hooks: progress.Hooks{
			Warn: func(text string) { warnings = append(warnings, text); check(os.Rename(dir+"-away", dir)) },
			Note: func(text string) {
				if strings.Contains(text, "is back") {
					check(os.Rename(filepath.Join(dir, "a.png"), filepath.Join(dir, "last.png")))
				}
			},
		}},
	}
	err := prediction.Run(ctx, trained, o, func(i prediction.Image) error {
		visits[i.Path]++
		switch i.Path {
		case "bad.png": // comes after the other two
			return os.Rename(dir, dir+"-away")
		case "last.png":
			end()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"a.png": 1, "b.png": 1, "bad.png": 1, "last.png": 1}, visits); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "waiting for it to come back") {
		t.Errorf("warnings %q", warnings)
	}
}

// Parts of a store are visited like the merged store; a missing part is named, and so are different features.
func TestPartsOfAStore(t *testing.T) {
	parts := filepath.Join(t.TempDir(), "parts")
	extracted := func(part int, resize int) {
		t.Helper()
		c := extract.Config{Data: pictures, Out: parts, Part: part, Parts: 2}
		if _, err := iconic.Extract(t.Context(), iconic.Encoding{Model: "tiny", Resize: resize}, c, progress.Hooks{}); err != nil {
			t.Fatal(err)
		}
	}
	extracted(2, 0)
	_, err := predicted(t, trained, prediction.Options{Data: []string{parts}})
	var of *option.Error
	var unfit *prediction.OptionsError
	if !errors.As(err, &unfit) || !errors.As(err, &of) || of.Option != "Data" || !errors.Is(err, prediction.ErrUnfinished) || !strings.Contains(err.Error(), "1/2") {
		t.Errorf("a part is missing: %v", err)
	}
	extracted(1, 0)
	got, err := predicted(t, trained, prediction.Options{Data: []string{parts}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := predicted(t, trained, prediction.Options{Data: []string{features}})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d images of parts, %d of the whole store, or different ones", len(got), len(want))
	}
	parts = filepath.Join(t.TempDir(), "other")
	extracted(1, 80)
	other := prediction.Options{Data: []string{filepath.Join(parts, "part-00001-of-00002")}}
	if _, err := predicted(t, trained, other); err == nil || !strings.Contains(err.Error(), "has other features than the run was trained on") {
		t.Errorf("other features: %v", err)
	}
}

// The body of the loop runs where the loop stands: a panic in it can be recovered there, and one that ends its goroutine, as t.FailNow does, ends the loop.
func TestLoopsThatDoNotComeBack(t *testing.T) {
	for name, data := range map[string]string{"pictures": pictures, "store": features} {
		for way, leave := range map[string]func(){"panic": func() { panic("left") }, "end": runtime.Goexit} {
			running := goleak.IgnoreCurrent()
			ended := make(chan any)
			go func() {
				var recovered any
				defer func() { ended <- recovered }()
				defer func() { recovered = recover() }()
				for _, err := range prediction.Images(t.Context(), trained, prediction.Options{Data: []string{data}}) {
					check(err)
					leave()
				}
			}()
			select {
			case got := <-ended:
				if (got == "left") != (way == "panic") {
					t.Errorf("%s, %s: recovered %v", name, way, got)
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s, %s: the loop does not end", name, way)
			}
			if err := goleak.Find(running); err != nil {
				t.Errorf("%s, %s: %v", name, way, err)
			}
		}
	}
	var refused *prediction.OptionsError
	if err := prediction.Run(t.Context(), trained, prediction.Options{Data: []string{pictures}}, nil); !errors.As(err, &refused) {
		t.Errorf("without a function: %v", err)
	}
}
