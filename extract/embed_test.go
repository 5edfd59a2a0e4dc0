package extract

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/onnxtest"
)

// embedder reopens the encoder of an extraction's store.
func embedder(t *testing.T, c Config) (e *Embedder, described []byte, s *store.Store) {
	t.Helper()
	s, err := store.Open(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if described, err = json.Marshal(s.Settings); err != nil {
		t.Fatal(err)
	}
	library, err := library()
	if err != nil {
		t.Fatal(err)
	}
	if e, err = OpenEmbedder(t.Context(), described, c.Model, encoder.Options{Provider: encoder.CPU, Library: library, Batch: c.Batch}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, described, s
}

// Single images, prepared files and streams give the features in the store.
func TestEmbedderGivesTheStoresFeatures(t *testing.T) {
	data := folder(t, 11)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	c.Batch = 4
	extract(t, c)
	e, _, s := embedder(t, c)
	view, err := s.View(0)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, view.Len()*view.Dim())
	if err := view.Block(want, 0, view.Len()); err != nil {
		t.Fatal(err)
	}
	items, err := s.RowItems()
	if err != nil {
		t.Fatal(err)
	}

	var streamed, embedded, prepared []float32
	var paths []string
	summary, err := e.Each(t.Context(), Stream{Data: data, Visit: func(set *dataset.Set, it store.Item, stamp string, features []float32) error {
		streamed = append(streamed, features...)
		paths = append(paths, it.Path)
		i, ok := set.Find(it.Path)
		if !ok || set.Stamp(i) != stamp {
			t.Errorf("%s with stamp %s is not in the set", it.Path, stamp)
		}
		return nil
	}}, Hooks{})
	if err != nil || summary.Rows != 11 {
		t.Fatalf("%+v, %v", summary, err)
	}
	for i, it := range items {
		content, err := os.ReadFile(filepath.Join(data, it.Path))
		if err != nil {
			t.Fatal(err)
		}
		if paths[i] != it.Path {
			t.Errorf("image %d of the stream is %s, of the store %s", i, paths[i], it.Path)
		}
		im, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		one, err := e.Embed(t.Context(), im)
		if err != nil {
			t.Fatal(err)
		}
		embedded = append(embedded, one...)
		x, features := make([]float32, e.Pixels()), make([]float32, e.Dim())
		if err := errors.Join(e.Prepare(t.Context(), x, content, 0, new(pixels.Scratch)), e.Encode(t.Context(), features, x, 1)); err != nil {
			t.Fatal(err)
		}
		prepared = append(prepared, features...)
	}
	for name, got := range map[string][]float32{"stream": streamed, "images": embedded, "files": prepared} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if none, err := e.Embed(t.Context()); len(none) != 0 || err != nil {
		t.Errorf("no images: %v, %v", none, err)
	}
}

// If no number is wanted, runs have eight images, in all ways to the encoder: of an encoder whose features depend on the others of a run, they are those of
// eight, not those of all at once.
func TestRunsHaveEightImagesIfNoNumberIsWanted(t *testing.T) {
	m := onnxtest.Pooling(16, 8)
	m.Slight = true
	model := m.Write(t)
	ways := map[string]func(t *testing.T, c Config) []float32{
		"stored": func(t *testing.T, c Config) []float32 {
			if s := extract(t, c); c.Batch == 0 && s.Batch != 8 {
				t.Errorf("batches of %d", s.Batch)
			}
			return stored(t, c.Out)
		},
		"views": func(t *testing.T, c Config) []float32 {
			c.Views, c.Augment = 20, pixels.DefaultAugmentation()
			if s := extract(t, c); c.Batch == 0 && s.Batch != 8 {
				t.Errorf("batches of %d", s.Batch)
			}
			return stored(t, c.Out)
		},
		"embedded": func(t *testing.T, c Config) []float32 {
			extract(t, c)
			e, _, _ := embedder(t, c)
			var images []image.Image
			for i := range uint8(20) {
				images = append(images, cropped{image.NewUniform(color.Gray{10 * i})})
			}
			features, err := e.Embed(t.Context(), images...)
			if err != nil {
				t.Fatal(err)
			}
			return features
		},
	}
	data := folder(t, 20)
	for name, features := range ways {
		t.Run(name, func(t *testing.T) {
			var got [][]float32
			for _, batch := range []int{0, 8, 20} {
				c := config(t, data, filepath.Join(t.TempDir(), "store"))
				c.Model, c.Batch = model, batch
				got = append(got, features(t, c))
			}
			if !slices.Equal(got[0], got[1]) || slices.Equal(got[0], got[2]) {
				t.Error("the runs have another number")
			}
		})
	}
}

// cropped is a picture of 9×9 pixels of another.
type cropped struct{ image.Image }

func (cropped) Bounds() image.Rectangle { return image.Rect(0, 0, 9, 9) }

// stored are a store's features, view by view.
func stored(t *testing.T, dir string) []float32 {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all []float32
	for v := range s.Settings.Views {
		view, err := s.View(v)
		if err != nil {
			t.Fatal(err)
		}
		features := make([]float32, view.Len()*view.Dim())
		if err := view.Block(features, 0, view.Len()); err != nil {
			t.Fatal(err)
		}
		all = append(all, features...)
	}
	return all
}

// A stream visits bad images with their reason and copies of images like others, and skips images already seen.
func TestStreamVisitsEverythingOnce(t *testing.T) {
	data := folder(t, 4)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	extract(t, c)
	e, _, _ := embedder(t, c)
	write(t, filepath.Join(data, "class0", "bad.png"), []byte("text"))
	write(t, filepath.Join(data, "class0", "copy.png"), picture(t, 0))
	seen := map[string]string{}
	visit := func(good, bad *int) func(*dataset.Set, store.Item, string, []float32) error {
		return func(_ *dataset.Set, it store.Item, stamp string, features []float32) error {
			seen[it.Path] = stamp
			if features == nil {
				*bad++
				if it.Kind != string(pixels.NotAnImage) || it.Skipped == "" {
					t.Errorf("%s: %q, %q", it.Path, it.Kind, it.Skipped)
				}
				return nil
			}
			*good++
			return nil
		}
	}
	for pass, want := range [][2]int{{5, 1}, {0, 0}, {1, 0}} {
		if pass == 2 {
			write(t, filepath.Join(data, "class1", "later.png"), picture(t, 77))
		}
		var good, bad int
		if _, err := e.Each(t.Context(), Stream{Data: data, MaxBad: 0.5, Seen: seen, Visit: visit(&good, &bad)}, Hooks{}); err != nil {
			t.Fatal(err)
		}
		if good != want[0] || bad != want[1] {
			t.Errorf("pass %d: %d good and %d bad images, want %v", pass, good, bad, want)
		}
	}
	stop := errors.New("stop")
	if _, err := e.Each(t.Context(), Stream{Data: data, Visit: func(*dataset.Set, store.Item, string, []float32) error { return stop }}, Hooks{}); !errors.Is(err, stop) {
		t.Errorf("a visitor that stops: %v", err)
	}
	none := func(*dataset.Set, store.Item, string, []float32) error { return nil }
	if _, err := e.Each(t.Context(), Stream{Data: data, Visit: none}, Hooks{}); err == nil || !strings.Contains(err.Error(), "is bad") || strings.Contains(err.Error(), "are kept") {
		t.Errorf("too many bad images: %v", err)
	}
	if _, err := e.Each(t.Context(), Stream{Data: t.TempDir(), Visit: none}, Hooks{}); !errors.Is(err, dataset.ErrNoImages) {
		t.Errorf("an empty folder: %v", err)
	}
}

// Visit may record what it has seen while later images are still being looked up: the stream works on a copy of the map it was given. Under
// the race detector a single write is enough to detect a violation; without it, many images make a crash likely.
func TestVisitMayWriteToSeen(t *testing.T) {
	data := folder(t, 150)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	c.Batch = 1
	extract(t, c)
	e, _, _ := embedder(t, c)
	seen := map[string]string{}
	for pass, want := range []int{150, 0} {
		visited := 0
		_, err := e.Each(t.Context(), Stream{Data: data, Seen: seen, Visit: func(_ *dataset.Set, it store.Item, stamp string, _ []float32) error {
			seen[it.Path] = stamp
			visited++
			return nil
		}}, Hooks{})
		if err != nil || visited != want {
			t.Errorf("pass %d: %d images were visited, want %d; %v", pass, visited, want, err)
		}
	}
}

func TestEmbedderRefusesAnotherEncoder(t *testing.T) {
	c := config(t, folder(t, 3), filepath.Join(t.TempDir(), "store"))
	extract(t, c)
	_, described, _ := embedder(t, c)
	other := filepath.Join(t.TempDir(), "other.onnx")
	write(t, other, onnxtest.Pooling(16, 4).Encode())
	for _, o := range []encoder.Options{{Size: 8}, {Output: "cls"}} {
		if _, err := OpenEmbedder(t.Context(), described, c.Model, o); err == nil || !strings.Contains(err.Error(), "but the features were made with output") {
			t.Errorf("%+v: error %v", o, err)
		}
	}
	if _, err := OpenEmbedder(t.Context(), described, other, encoder.Options{}); !errors.Is(err, ErrOtherEncoder) {
		t.Errorf("another encoder: %v", err)
	}
	library, err := library()
	if err != nil {
		t.Fatal(err)
	}
	wide := bytes.Replace(described, []byte(`"dim":12`), []byte(`"dim":13`), 1)
	if _, err := OpenEmbedder(t.Context(), wide, c.Model, encoder.Options{Library: library, Provider: encoder.CPU}); err == nil || !strings.Contains(err.Error(), "gives 12 features per image, but 13 are expected") {
		t.Errorf("features of another length: %v", err)
	}
	for name, described := range map[string]string{"nothing": "", "no JSON": "{", "no size": `{"preprocessing": {}}`} {
		if _, err := OpenEmbedder(t.Context(), []byte(described), c.Model, encoder.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
