package extract

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/extract/pixels"
	"iconic/internal/cachefolder"
	"iconic/internal/onnxtest"
)

// reusing is an extraction that looks for features in other stores.
func reusing(t *testing.T, data, out string) Config {
	t.Helper()
	c := config(t, data, out)
	c.Anew = false
	return c
}

// fresh makes the store by encoding everything, and compares another store with it.
func fresh(t *testing.T, c Config) {
	t.Helper()
	was := c.Out
	c.Out, c.Anew = filepath.Join(t.TempDir(), "fresh"), true
	extract(t, c)
	same(t, "copied and encoded features", was, c.Out)
	if err := os.RemoveAll(c.Out); err != nil { // it would lend features, too
		t.Fatal(err)
	}
}

// Pictures are identified by their bytes: a subset, other names, a list, an archive, a set that shares some of them.
func TestFeaturesAreReusedByContent(t *testing.T) {
	data, base := folder(t, 30), t.TempDir()
	at := func(name string) string { return filepath.Join(base, name) }
	c := reusing(t, data, at("all"))
	if s := extract(t, c); s.Encoded != 30 || s.Already != 0 || s.Borrowed != 0 {
		t.Fatalf("%+v", s)
	}
	var list bytes.Buffer
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for i := range 10 {
		write(t, filepath.Join(at("subset"), fmt.Sprintf("renamed-%02d.png", 29-i)), picture(t, i))
		write(t, filepath.Join(at("mixed"), fmt.Sprintf("%02d.png", i)), picture(t, 25+i)) // five of them are new
		fmt.Fprintln(&list, picturePath(data, 3*i))
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("a/%d.png", i), Mode: 0o600, Size: int64(len(picture(t, i)))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(picture(t, i)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(at("mixed"), "copy-of-new.png"), picture(t, 31))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, at("list.txt"), list.Bytes())
	write(t, at("set.tar"), archive.Bytes())
	if err := os.CopyFS(at("moved"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		data                             string
		rows, encoded, already, borrowed int
	}{
		{"subset", 10, 0, 10, 10}, {"list.txt", 10, 0, 10, 10}, {"set.tar", 10, 0, 10, 10}, {"moved", 30, 0, 30, 30}, {"mixed", 11, 5, 5, 5},
	} {
		c := c
		c.Data, c.Out = at(want.data), at("store of "+want.data)
		s := extract(t, c)
		if s.Rows != want.rows || s.Encoded != want.encoded || s.Already != want.already || s.Borrowed != want.borrowed {
			t.Errorf("%s: %+v, want %+v", want.data, s, want)
		}
		fresh(t, c)
		if s := extract(t, c); s.Encoded != 0 || s.Changed || s.Already != want.rows || s.Borrowed != 0 {
			t.Errorf("%s, again: %+v", want.data, s)
		}
	}
}

// A store can lend to one that needs less than it has, but not to one that needs more.
func TestWhichStoresLend(t *testing.T) {
	data, base := folder(t, 8), t.TempDir()
	c := reusing(t, data, "")
	c.Views, c.Seed, c.Augment = 3, 5, pixels.DefaultAugmentation()
	c.Out = filepath.Join(base, "three views")
	extract(t, c)
	for _, want := range []struct {
		name    string
		change  func(*Config)
		encoded int
	}{
		{"the plain view of three", func(c *Config) { c.Views, c.Seed = 1, 0 }, 0},
		{"the first two of three", func(c *Config) { c.Views = 2 }, 0},
		{"the plain view in float16", func(c *Config) { c.Views, c.Half = 1, true }, 0},
		{"two views in float16", func(c *Config) { c.Views, c.Half = 2, true }, 0},
		{"more views", func(c *Config) { c.Views = 4 }, 8},
		{"views of another seed", func(c *Config) { c.Views, c.Seed = 2, 6 }, 8},
		{"views with other augmentation", func(c *Config) { c.Views, c.Augment.Flip = 2, 0.25 }, 8},
		{"another size", func(c *Config) { c.Views, c.Transform.Resize = 1, 20 }, 8},
		{"another encoder", func(c *Config) { c.Views, c.Model = 1, onnxtest.Pooling(16, 4).Write(t) }, 8},
		{"orientation ignored", func(c *Config) { c.Views, c.IgnoreEXIF = 1, true }, 8},
	} {
		c := c
		c.Out = filepath.Join(base, want.name)
		want.change(&c)
		if s := extract(t, c); s.Encoded != want.encoded {
			t.Errorf("%s: %d were encoded, want %d", want.name, s.Encoded, want.encoded)
		}
		if want.encoded == 0 {
			fresh(t, c)
		}
		if err := os.RemoveAll(c.Out); err != nil { // it would lend to the next one
			t.Fatal(err)
		}
	}
	half := c
	half.Views, half.Half, half.Out = 1, true, filepath.Join(base, "half")
	extract(t, half)
	if err := os.RemoveAll(c.Out); err != nil {
		t.Fatal(err)
	}
	whole := half
	whole.Half, whole.Out = false, filepath.Join(base, "whole")
	if s := extract(t, whole); s.Encoded != 8 {
		t.Errorf("float32 out of float16: %d were encoded", s.Encoded)
	}
}

// Stores change, move, get damaged and disappear; indexes get lost. Wrong features are never copied.
func TestOnlyWhatIsWholeIsReused(t *testing.T) {
	for _, want := range []struct {
		name    string
		spoil   func(t *testing.T, data string, c Config)
		encoded int
	}{
		{"unchanged", func(*testing.T, string, Config) {}, 0},
		{"a shard is damaged", func(t *testing.T, _ string, c Config) {
			spoil(t, filepath.Join(c.Out, "features-00001.npy"), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, 8},
		{"a shard is missing", func(t *testing.T, _ string, c Config) { remove(t, filepath.Join(c.Out, "features-00000.npy")) }, 8},
		{"its list is damaged, and its index is lost", func(t *testing.T, _ string, c Config) {
			spoil(t, filepath.Join(c.Out, "items.jsonl"), func(b []byte) []byte { b[20] ^= 1; return b })
			contentIndexes(t, func(name string) { remove(t, name) })
		}, 20},
		{"the store is missing", func(t *testing.T, _ string, c Config) {
			if err := os.RemoveAll(c.Out); err != nil {
				t.Fatal(err)
			}
		}, 20},
		{"its index is damaged", func(t *testing.T, _ string, _ Config) {
			contentIndexes(t, func(name string) { spoil(t, name, func(b []byte) []byte { b[len(b)-12] ^= 1; return b }) })
		}, 0},
		{"its index is truncated", func(t *testing.T, _ string, _ Config) {
			contentIndexes(t, func(name string) { spoil(t, name, func(b []byte) []byte { return b[:len(b)-30] }) })
		}, 0},
		{"its index predates a change", func(t *testing.T, data string, c Config) {
			kept := map[string][]byte{}
			contentIndexes(t, func(name string) {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				kept[name] = b
			})
			write(t, filepath.Join(data, "aaa.png"), picture(t, 99)) // every row moves by one
			extract(t, c)
			remove(t, filepath.Join(data, "aaa.png"))
			for name, b := range kept {
				write(t, name, b)
			}
		}, 0},
	} {
		t.Run(want.name, func(t *testing.T) {
			data, base := folder(t, 20), t.TempDir()
			c := reusing(t, data, filepath.Join(base, "first"))
			extract(t, c)
			want.spoil(t, data, c)
			c.Out = filepath.Join(base, "second")
			if s := extract(t, c); s.Encoded != want.encoded || s.Already != 20-want.encoded {
				t.Errorf("%+v, want %d encoded", s, want.encoded)
			}
			if want.encoded < 20 {
				fresh(t, c)
			}
		})
	}
}

// contentIndexes visits the indexes of contents.
func contentIndexes(t *testing.T, visit func(name string)) {
	t.Helper()
	folder, err := cachefolder.Of(cachefolder.Contents)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*", "????????????????"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d indexes, %v", len(names), err)
	}
	for _, name := range names {
		visit(name)
	}
}

// A store that an earlier version made in the user's cache has no index, but lends nevertheless.
func TestStoresOfEarlierVersionsLend(t *testing.T) {
	data := folder(t, 12)
	c := reusing(t, data, "")
	var err error
	if c.Out, err = CacheFolder(c); err != nil {
		t.Fatal(err)
	}
	extract(t, c)
	contentIndexes(t, func(name string) { remove(t, name) })
	c.Data = filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(data, c.Data); err != nil {
		t.Fatal(err)
	}
	if c.Out, err = CacheFolder(c); err != nil {
		t.Fatal(err)
	}
	if s := extract(t, c); s.Encoded != 0 || s.Borrowed != 12 {
		t.Errorf("%+v", s)
	}
}

// If the images of a batch depend on each other, no features are copied: encoding would give different ones.
func TestAnEncoderThatDependsOnTheBatchLendsNothing(t *testing.T) {
	data, base := folder(t, 9), t.TempDir()
	c := reusing(t, data, filepath.Join(base, "first"))
	m := onnxtest.Pooling(16, 8)
	m.Common = true
	c.Model = m.Write(t)
	extract(t, c)
	first := c.Out
	c.Batch = 8
	var notes []string
	for range 2 { // the second time, the result of the trial is remembered
		notes = nil
		c.Out = filepath.Join(base, fmt.Sprint("store ", len(base)))
		base += "x"
		if err := os.MkdirAll(base, 0o755); err != nil {
			t.Fatal(err)
		}
		var warnings []string
		s, err := Run(t.Context(), c, Hooks{
			Note: func(text string) { notes = append(notes, text) }, Warn: func(text string) { warnings = append(warnings, text) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if !s.Mixes || s.Batch != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "depend on the other images in the batch: images are encoded one at a time") {
			t.Errorf("%+v with warnings %q, want one image at a time and a warning", s, warnings)
		}
		same(t, "features made in batches of 1 and 8", first, c.Out)
		if s.Encoded != 9 || !strings.Contains(strings.Join(notes, "\n"), "depend on the other images in the batch") {
			t.Errorf("%+v, %q", s, notes)
		}
	}
}

// That the images of a batch depend on each other is also found out by a run that encodes them one by one, whatever an earlier version, which
// did not find it out, recorded.
func TestRunsOfOneImageFindOutWhatLargerOnesWould(t *testing.T) {
	data, base := folder(t, 9), t.TempDir()
	c := reusing(t, data, filepath.Join(base, "first"))
	m := onnxtest.Pooling(16, 8)
	m.Slight = true
	c.Model, c.Batch = m.Write(t), 1
	extract(t, c)
	contents, err := cachefolder.Of(cachefolder.Contents)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadDir(contents)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	write(t, filepath.Join(contents, keys[0].Name(), "independent"), []byte("true\n"))
	for i, batch := range []int{1, 8} {
		c.Out, c.Batch = filepath.Join(base, fmt.Sprint("store", i)), batch
		var notes []string
		s, err := Run(t.Context(), c, Hooks{Note: func(text string) { notes = append(notes, text) }})
		if err != nil {
			t.Fatal(err)
		}
		if s.Encoded != 9 || s.Mixes || !strings.Contains(strings.Join(notes, "\n"), "depend on the other images in the batch: features of other stores are not reused") {
			t.Errorf("batches of %d: %+v, %q", batch, s, notes)
		}
		fresh(t, c)
	}
}

// A run that is interrupted while it copies features loses nothing, and ends with the same result as an uninterrupted one.
func TestAnInterruptedRunGoesOnTakingFeaturesOver(t *testing.T) {
	data, base := folder(t, 60), t.TempDir()
	c := reusing(t, data, filepath.Join(base, "first"))
	extract(t, c)
	for i := range 20 {
		write(t, filepath.Join(base, "more", fmt.Sprintf("%02d-new.png", i)), picture(t, 60+i))
	}
	for i := range 60 {
		write(t, filepath.Join(base, "more", fmt.Sprintf("%02d.png", i)), picture(t, i))
	}
	c.Data, c.Out, c.Batch = filepath.Join(base, "more"), filepath.Join(base, "second"), 1
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := Run(ctx, c, Hooks{Progress: func(done, _ int) {
		if done >= 15 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the run ended with %v", err)
	}
	s := extract(t, c)
	if s.Encoded >= 20 || s.Encoded+s.Already != 80 {
		t.Errorf("%+v", s)
	}
	fresh(t, c)
}
