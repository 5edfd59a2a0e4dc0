package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/extract/pixels"
	"iconic/extract/store"
)

// cutShort copies a finished store as a process leaves it that is killed during its commit, between the last two renames: everything is in
// place except the manifest.
func cutShort(t *testing.T, finished, out string) {
	t.Helper()
	for name, b := range content(t, finished) {
		if name == "manifest.json" {
			name = filepath.Join(".partial", name)
		}
		write(t, filepath.Join(out, name), []byte(b))
	}
}

// classOf returns the class of each path in a store.
func classOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rows, err := st.RowItems()
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for _, it := range rows {
		of[it.Path] = st.Classes[it.Label]
	}
	return of
}

// TestClassesAreThoseOfTheCommitThatIsFinishedFirst: the classes of missing images are read from the manifest that an interrupted commit
// was about to put in place, not from the one before it.
func TestClassesAreThoseOfTheCommitThatIsFinishedFirst(t *testing.T) {
	check := func(t *testing.T, out, gone string) {
		t.Helper()
		of := classOf(t, out)
		for path, class := range of {
			if want := filepath.Dir(path); class != want {
				t.Errorf("%s is of class %q", path, class)
			}
		}
		if of[gone] == "" {
			t.Errorf("the row of %s, which is gone, was lost", gone)
		}
	}
	t.Run("first extraction", func(t *testing.T) {
		data, base := folder(t, 12), t.TempDir()
		finished, out := filepath.Join(base, "finished"), filepath.Join(base, "out")
		extract(t, config(t, data, finished))
		cutShort(t, finished, out)
		remove(t, picturePath(data, 5))
		extract(t, config(t, data, out))
		check(t, out, "class2/005.png")
	})
	t.Run("one more class", func(t *testing.T) {
		data, base := folder(t, 12), t.TempDir()
		finished, out := filepath.Join(base, "finished"), filepath.Join(base, "out")
		extract(t, config(t, data, out)) // classes 0 to 2
		for i := range 4 {
			write(t, filepath.Join(data, "among", string(rune('a'+i))+".png"), picture(t, 50+i))
		}
		extract(t, config(t, data, finished)) // a class before all others
		cutShort(t, finished, out)
		remove(t, filepath.Join(data, "among", "b.png"))
		extract(t, config(t, data, out))
		check(t, out, "among/b.png")
	})
}

// TestAugmentationIsUsed: views are drawn according to the settings, and the manifest records them.
func TestAugmentationIsUsed(t *testing.T) {
	data, base := folder(t, 6), t.TempDir()
	views := func(out string, a pixels.Augmentation) []float32 {
		c := config(t, data, filepath.Join(base, out))
		c.Views, c.Augment = 2, a
		extract(t, c)
		st, err := store.Open(c.Out)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		view, err := st.View(1)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, view.Len()*view.Dim())
		if err := view.Block(x, 0, view.Len()); err != nil {
			t.Fatal(err)
		}
		return x
	}
	mild := pixels.DefaultAugmentation()
	mild.Flip, mild.ScaleMin = 0, 0.99
	if slices.Equal(views("default", pixels.DefaultAugmentation()), views("mild", mild)) {
		t.Error("another augmentation gives the same views")
	}
}

// TestNumbersThatCannotBe: a manifest or a list of items with valid checksums may still contain what no extraction writes.
func TestNumbersThatCannotBe(t *testing.T) {
	data := folder(t, 12)
	finished := filepath.Join(t.TempDir(), "store")
	extract(t, config(t, data, finished))
	for _, test := range []struct {
		name, want string
		change     func(m map[string]any)
	}{
		{"views and elements", "2147483648 views", func(m map[string]any) { m["views"], m["dim"] = 1<<31, 1<<31 }},
		{"rows of a shard", "in shards of 1125899906842624 rows", func(m map[string]any) { m["shard_rows"] = 1 << 50 }},
		{"classes fewer than labels", "but there are 2 classes", func(m map[string]any) { m["classes"] = []string{"class0", "class1"} }},
		{"part of too many", "part 1 of 200000000", func(m map[string]any) {
			m["part"] = map[string]any{"index": 1, "of": 200000000, "first": 0, "count": 12, "total": 12, "listing": "x"}
		}},
		{"part beyond all", "part 3 of 2", func(m map[string]any) {
			m["part"] = map[string]any{"index": 3, "of": 2, "first": 0, "count": 12, "total": 12, "listing": "x"}
		}},
		{"part of other size", "items 0 to 11 of 12, but 12 in the list", func(m map[string]any) {
			m["part"] = map[string]any{"index": 1, "of": 2, "first": 0, "count": 11, "total": 12, "listing": "x"}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := t.TempDir()
			for name, b := range content(t, finished) {
				if name == "manifest.json" {
					var m map[string]any
					if err := json.Unmarshal([]byte(b), &m); err != nil {
						t.Fatal(err)
					}
					test.change(m)
					changed, err := json.Marshal(m)
					if err != nil {
						t.Fatal(err)
					}
					b = string(changed)
				}
				write(t, filepath.Join(out, name), []byte(b))
			}
			st, err := store.Open(out)
			if err == nil {
				_, err = st.Items()
				if cerr := st.Close(); cerr != nil {
					t.Error(cerr)
				}
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("opened: %v", err)
			}
			if _, err := Run(t.Context(), config(t, data, out), Hooks{}); err == nil || !strings.Contains(err.Error(), out) {
				t.Errorf("extraction into the store: %v", err)
			}
		})
	}
}

// TestManyMissingPartsAreCounted: the error names the first missing part and the number of missing parts, whatever that number.
func TestManyMissingPartsAreCounted(t *testing.T) {
	data, out := folder(t, 6), t.TempDir()
	c := config(t, data, out)
	c.Part, c.Parts = 2, 1<<20
	extract(t, c)
	parts, err := store.Parts(out)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = store.Merge(t.Context(), parts, out, nil)
	if err == nil || !strings.Contains(err.Error(), "1048575 of 1048576 parts are missing, the first is 1/1048576") || len(err.Error()) > 200 {
		t.Errorf("merged: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "manifest.json")); err == nil {
		t.Error("a store was created")
	}
}

// Features of two engines are never mixed in one store, neither in a finished one that grows nor in an interrupted one. Work that needs no
// encoder mixes nothing.
func TestFeaturesOfTwoEnginesAreNotMixed(t *testing.T) {
	for _, c := range []struct{ name, was, now string }{
		{"another provider", `"provider": "cpu"`, `"provider": "cuda"`},
		{"another runtime", `"runtime": "1.`, `"runtime": "0.`},
	} {
		other := func(b []byte) []byte {
			if !bytes.Contains(b, []byte(c.was)) {
				t.Fatalf("%s is not in %s", c.was, b)
			}
			return bytes.Replace(b, []byte(c.was), []byte(c.now), 1)
		}
		t.Run(c.name+" made a finished store", func(t *testing.T) {
			data := folder(t, 6)
			config := config(t, data, filepath.Join(t.TempDir(), "store"))
			extract(t, config)
			spoil(t, filepath.Join(config.Out, "manifest.json"), other)
			if s := extract(t, config); s.Encoded != 0 {
				t.Errorf("%d images were encoded again", s.Encoded)
			}
			write(t, picturePath(data, 6), picture(t, 6))
			refused(t, config)
		})
		t.Run(c.name+" made an unfinished store", func(t *testing.T) {
			data := folder(t, 30)
			config := config(t, data, filepath.Join(t.TempDir(), "store"))
			config.Batch, config.Workers = 1, 1
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if _, err := Run(ctx, config, Hooks{Progress: func(done, _ int) {
				if done >= 10 {
					cancel()
				}
			}}); !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted: %v", err)
			}
			spoil(t, filepath.Join(config.Out, ".partial", "settings.json"), other)
			refused(t, config)
		})
	}
}

// refused asserts that an extraction ends with an error naming the earlier engine.
func refused(t *testing.T, c Config) {
	t.Helper()
	_, err := Run(t.Context(), c, Hooks{})
	var engine *store.EngineError
	if !errors.As(err, &engine) || engine.Dir != c.Out || engine.Was == engine.Now || engine.Now.Provider != "cpu" {
		t.Errorf("error %v, want one that names two engines", err)
	}
}
