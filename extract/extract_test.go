package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/onnxtest"
	"iconic/internal/sharedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// picture is a PNG file of noise, different for each seed.
func picture(t testing.TB, seed int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	im := image.NewRGBA(image.Rect(0, 0, 20+seed%5, 24))
	for i := range im.Pix {
		im.Pix[i] = uint8(r.Uint32())
	}
	for y := range 24 { // opaque
		for x := range im.Rect.Dx() {
			c := im.RGBAAt(x, y)
			im.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// folder makes a data set of n pictures in three classes.
func folder(t testing.TB, n int) string {
	t.Helper()
	root := t.TempDir()
	for i := range n {
		write(t, picturePath(root, i), picture(t, i))
	}
	return root
}

func picturePath(root string, i int) string {
	return filepath.Join(root, fmt.Sprintf("class%d", i%3), fmt.Sprintf("%03d.png", i))
}

// config is an extraction with a model that averages colours, into shards of eight rows.
func config(t testing.TB, data, out string) Config {
	t.Helper()
	if _, err := library(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return Config{
		Data: data, Out: out, Model: model(t), ModelName: "colours", Views: 1, ShardRows: 8, Workers: 3, MaxBad: 0.5, Anew: true,
		Encoder:   encoder.Options{Provider: encoder.CPU, Threads: 1},
		Transform: pixels.Transform{Resize: 16, Crop: 16, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5}},
		Library:   library,
	}
}

// library is the runtime library of the user who runs the tests, found before the tests get their own caches.
var library = sync.OnceValues(func() (string, error) {
	return onnxruntime.Find(context.Background(), onnxruntime.Options{})
})

func model(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "colours.onnx")
	write(t, name, onnxtest.Pooling(16, 8).Encode())
	return name
}

func extract(t testing.TB, c Config) *Summary {
	t.Helper()
	s, err := Run(t.Context(), c, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// content returns the visible files of a store; there may be no others.
func content(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.IsDir() || e.Name() == ".lock" {
			if e.Name() == ".partial" {
				t.Errorf("%s still has a folder .partial", dir)
			}
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

// same fails unless two stores are equal byte for byte.
func same(t testing.TB, what, a, b string) {
	t.Helper()
	x, y := content(t, a), content(t, b)
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	if len(x) != len(y) || len(x) < 3 {
		t.Errorf("%s: %d files and %d", what, len(x), len(y))
	}
}

func TestAStoreHoldsWhatTheEncoderSays(t *testing.T) {
	data, out := folder(t, 20), filepath.Join(t.TempDir(), "store")
	s := extract(t, config(t, data, out))
	if s.Encoded != 20 || s.Rows != 20 || s.Bad() != 0 || !s.Changed {
		t.Errorf("summary %+v", s)
	}
	st, err := store.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	view, err := st.View(0)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := st.RowItems()
	if err != nil {
		t.Fatal(err)
	}
	if view.Len() != 20 || view.Dim() != 12 || len(st.Shards) != 3 || !slices.Equal(st.Classes, []string{"class0", "class1", "class2"}) {
		t.Fatalf("%d rows of %d in %d shards, classes %v", view.Len(), view.Dim(), len(st.Shards), st.Classes)
	}
	c := config(t, data, out)
	var scratch pixels.Scratch
	got, input := make([]float32, 12), make([]float32, 3*16*16)
	for i, it := range rows {
		file, err := os.ReadFile(filepath.Join(data, it.Path))
		if err != nil {
			t.Fatal(err)
		}
		im, _, err := pixels.Decode(file, pixels.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.Transform.Apply(input, im, &scratch), view.Gather(got, []int32{int32(i)})); err != nil {
			t.Fatal(err)
		}
		for f, v := range got { // the mean over one 8×8 cell of one colour
			plane, y, x := f/4, f%4/2*8, f%2*8
			sum := 0.0
			for k := range 64 {
				sum += float64(input[plane*256+(y+k/8)*16+x+k%8])
			}
			if d := sum/64 - float64(v); d > 1e-5 || d < -1e-5 {
				t.Fatalf("%s: feature %d is %g, want %g", it.Path, f, v, sum/64)
			}
		}
		if want := it.Path[5] - '0'; it.Label != int(want) || it.Row != i || it.Size != int64(len(file)) {
			t.Errorf("item %+v", it)
		}
	}
	all := make([]float32, 20*12)
	if err := view.Block(all, 0, 20); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(all[19*12:], got) {
		t.Error("Block and Gather differ")
	}
}

func TestNothingIsEncodedTwice(t *testing.T) {
	data, out := folder(t, 20), filepath.Join(t.TempDir(), "store")
	c := config(t, data, out)
	extract(t, c)
	before := content(t, out)
	c.Library = func() (string, error) { return "", errors.New("the encoder was opened") }
	if s := extract(t, c); s.Encoded != 0 || s.Changed {
		t.Errorf("second run: %+v", s)
	}
	// File times do not decide: touched files are compared by content, and so are the files of a store without stamps.
	for i := range 20 {
		if err := os.Chtimes(picturePath(data, i), filetime(i), filetime(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s := extract(t, c); s.Encoded != 0 || s.Changed {
		t.Errorf("after touching all files: %+v", s)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if s, err := Run(t.Context(), c, Hooks{}); err != nil || s.Encoded != 0 {
		t.Errorf("without stamps: %+v, %v", s, err)
	}
	if after := content(t, out); !equal(before, after) {
		t.Error("the store changed")
	}
}

func equal(a, b map[string]string) bool {
	for k := range a {
		if a[k] != b[k] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestTheStoreFollowsFromTheData: whatever happened to the data in between, the store equals the one that a first run over the current data
// would make, and only new contents are encoded.
func TestTheStoreFollowsFromTheData(t *testing.T) {
	data, base := folder(t, 20), t.TempDir()
	out := filepath.Join(base, "store")
	c := config(t, data, out)
	c.Prune = true
	extract(t, c)
	for i, step := range []struct {
		name    string
		do      func()
		encoded int
	}{
		{"one more file, in the middle", func() { write(t, filepath.Join(data, "class1", "0001.png"), picture(t, 100)) }, 1},
		{"a file changed, its size and time kept", func() { changeQuietly(t, picturePath(data, 4), picture(t, 9)) }, 0}, // a content that is already known
		{"a file changed", func() { write(t, picturePath(data, 5), picture(t, 101)) }, 1},
		{"a file renamed", func() { rename(t, picturePath(data, 7), filepath.Join(data, "class0", "zzz.png")) }, 0},
		{"a copied file", func() { write(t, filepath.Join(data, "class2", "copy.png"), picture(t, 3)) }, 0},
		{"a file removed", func() { remove(t, picturePath(data, 0)) }, 0},
		{"a class removed", func() { remove(t, filepath.Join(data, "class1")) }, 0},
		{"one more bad file", func() { write(t, filepath.Join(data, "class0", "bad.png"), []byte("not an image")) }, 0},
		{"a bad file repaired", func() { write(t, filepath.Join(data, "class0", "bad.png"), picture(t, 102)) }, 1},
		{"a class back", func() { write(t, filepath.Join(data, "class1", "x.png"), picture(t, 103)) }, 1},
	} {
		step.do()
		s := extract(t, c)
		if s.Encoded != step.encoded || !s.Changed {
			t.Errorf("%s: %d encoded, changed %v; want %d", step.name, s.Encoded, s.Changed, step.encoded)
		}
		fresh := c
		fresh.Out = filepath.Join(base, fmt.Sprintf("fresh%d", i))
		extract(t, fresh)
		same(t, step.name, out, fresh.Out)
	}
}

func remove(t testing.TB, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestGoneImagesAreKeptUntilPruned(t *testing.T) {
	data, out := folder(t, 20), filepath.Join(t.TempDir(), "store")
	c := config(t, data, out)
	extract(t, c)
	before := content(t, out)
	remove(t, filepath.Join(data, "class1"))
	if s := extract(t, c); s.Gone != 7 || s.Rows != 20 || s.Encoded != 0 {
		t.Errorf("kept: %+v", s)
	}
	st, err := store.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rows, err := st.RowItems()
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range rows {
		if class := st.Classes[it.Label]; !strings.HasPrefix(it.Path, class+"/") {
			t.Errorf("%s is labelled %s", it.Path, class)
		}
	}
	for name, b := range content(t, out) {
		if strings.HasPrefix(name, "features") && b != before[name] {
			t.Errorf("%s was touched", name)
		}
	}
	c.Prune = true
	if s := extract(t, c); s.Pruned != 7 || s.Rows != 13 || s.Encoded != 0 {
		t.Errorf("pruned: %+v", s)
	}
}

// TestABrokenLinkToAFolderIsNotPruned: the images behind it are kept, and pruning is refused until the link is repaired or removed.
func TestABrokenLinkToAFolderIsNotPruned(t *testing.T) {
	other := folder(t, 6)
	data := t.TempDir()
	write(t, filepath.Join(data, "here", "x.png"), picture(t, 90))
	if err := os.Symlink(filepath.Join(other, "class1"), filepath.Join(data, "link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	extract(t, c)
	rename(t, filepath.Join(other, "class1"), filepath.Join(other, "off"))
	if s := extract(t, c); s.Gone != 2 || s.Rows != 3 {
		t.Errorf("%+v", s)
	}
	c.Prune = true
	before := content(t, c.Out)
	if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), "1 link that cannot be followed (such as link)") {
		t.Errorf("error %v", err)
	}
	if !equal(before, content(t, c.Out)) {
		t.Error("the store changed")
	}
	remove(t, filepath.Join(data, "link"))
	if s := extract(t, c); s.Pruned != 2 || s.Rows != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAnImageThatCannotBeReadKeepsItsFeatures: it is skipped and counted, and nothing is encoded when it is back, whatever kept it from being read.
func TestAnImageThatCannotBeReadKeepsItsFeatures(t *testing.T) {
	for _, c := range []struct {
		name       string
		kind       string
		hide, show func(t *testing.T, name string)
	}{
		{"vanished", "vanished", func(t *testing.T, name string) { rename(t, name, name+".off") }, func(t *testing.T, name string) { rename(t, name+".off", name) }},
		{"a folder in its place", notAFile, func(t *testing.T, name string) {
			rename(t, name, name+".off")
			write(t, filepath.Join(name, "x"), nil)
		}, func(t *testing.T, name string) {
			remove(t, name)
			rename(t, name+".off", name)
		}},
		{"no permission", "no permission", func(t *testing.T, name string) { permit(t, name, 0) }, func(t *testing.T, name string) { permit(t, name, 0o600) }},
	} {
		for _, parts := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s in %d parts", c.name, parts), func(t *testing.T) {
				data, list := folder(t, 20), filepath.Join(t.TempDir(), "list.csv")
				lines := "path,label\n"
				for i := range 20 {
					lines += fmt.Sprintf("%s,class%d\n", picturePath(data, i), i%3)
				}
				write(t, list, []byte(lines))
				o := config(t, list, filepath.Join(t.TempDir(), "store"))
				if o.Parts = parts; parts > 0 {
					o.Part = 1
				}
				extract(t, o)
				before := content(t, o.folder())
				c.hide(t, picturePath(data, 4))
				c.hide(t, picturePath(data, 5))
				for i := range 2 { // a second extraction changes nothing
					s := extract(t, o)
					if s.Bad() != 2 || s.Skipped[0].Kind != c.kind || s.Unread != 2 || s.Rows != 20 || s.Already != 18 || s.Encoded != 0 || s.Changed != (i == 0) {
						t.Errorf("extraction %d: %+v", i, s)
					}
				}
				if after := content(t, o.folder()); after["features-00000.npy"] != before["features-00000.npy"] || strings.Count(after["items.jsonl"], `"gone":true`) != 2 {
					t.Errorf("items:\n%s", after["items.jsonl"])
				}
				c.show(t, picturePath(data, 4))
				c.show(t, picturePath(data, 5))
				if s := extract(t, o); s.Bad() != 0 || s.Unread != 0 || s.Encoded != 0 || !equal(before, content(t, o.folder())) {
					t.Errorf("back: %+v", s)
				}
				write(t, picturePath(data, 4), []byte("hello"))
				if s := extract(t, o); s.Bad() != 1 || s.Unread != 0 || s.Rows != 19 {
					t.Errorf("another content, which is no image: %+v", s)
				}
			})
		}
	}
}

func permit(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(name); err == nil && mode == 0 {
		_ = f.Close()
		permit(t, name, 0o600)
		t.Skip("this user or system may read every file")
	}
}

func TestBadImagesAreSkippedWithTheirReasons(t *testing.T) {
	data, out := folder(t, 20), filepath.Join(t.TempDir(), "store")
	good := picture(t, 50)
	write(t, filepath.Join(data, "class0", "cut.png"), good[:len(good)/2])
	write(t, filepath.Join(data, "class0", "empty.jpg"), nil)
	write(t, filepath.Join(data, "class1", "text.jpg"), []byte("hello"))
	write(t, filepath.Join(data, "class1", "text2.jpg"), []byte("hello again"))
	if err := os.Symlink("nowhere", filepath.Join(data, "class2", "link.png")); err != nil {
		t.Fatal(err)
	}
	c := config(t, data, out)
	s := extract(t, c)
	if s.Bad() != 5 || s.Rows != 20 || s.Items != 25 || s.Skipped[0].Count != 2 || s.Skipped[0].Example != "class1/text.jpg" {
		t.Errorf("summary %+v", s)
	}
	st, err := store.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	items, err := st.Items()
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, it := range items {
		if it.Row < 0 {
			reasons[it.Path] = it.Kind + ": " + it.Skipped
		}
	}
	for path, want := range map[string]string{
		"class0/cut.png": "", "class0/empty.jpg": "empty", "class1/text.jpg": "not an image", "class1/text2.jpg": "not an image", "class2/link.png": "vanished",
	} {
		if got, ok := reasons[path]; !ok || !strings.Contains(got, want) || strings.Contains(got, data) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	c.MaxBad = 0.1
	if s, err := Run(t.Context(), c, Hooks{}); err == nil || s == nil || !strings.Contains(err.Error(), "5 of 25 images are bad, more than the allowed 10 %") {
		t.Errorf("too many bad: %v", err)
	}
	c.Strict, c.Out = true, filepath.Join(t.TempDir(), "strict")
	if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), "class0/cut.png") {
		t.Errorf("strict: %v", err)
	}
}

// TestAnInterruptedRunResumes cancels again and again after every few images, and no finished row is ever lost.
func TestAnInterruptedRunResumes(t *testing.T) {
	data, base := folder(t, 40), t.TempDir()
	write(t, filepath.Join(data, "class1", "bad.png"), []byte("bad"))
	whole := config(t, data, filepath.Join(base, "whole"))
	extract(t, whole)
	c := whole
	c.Out, c.Batch = filepath.Join(base, "broken"), 3
	encoded := 0
	for stop := 5; ; stop += 5 {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := Run(ctx, c, Hooks{Progress: func(done, _ int) {
			if done >= stop {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			encoded = s.Encoded
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if stop > 60 {
			t.Fatal("the run never ends")
		}
	}
	if encoded > 8 {
		t.Errorf("the last of many runs still encoded %d images", encoded)
	}
	same(t, "interrupted", whole.Out, c.Out)
}

func TestPartsMergeIntoWhatOneRunMakes(t *testing.T) {
	data, base := folder(t, 29), t.TempDir()
	write(t, filepath.Join(data, "class0", "bad.png"), []byte("bad"))
	write(t, filepath.Join(data, "class2", "zcopy.png"), picture(t, 0)) // a copy in another part
	whole := config(t, data, filepath.Join(base, "whole"))
	extract(t, whole)
	c := whole
	c.Out, c.Parts = filepath.Join(base, "parts"), 4
	for _, part := range []int{3, 1, 4} {
		c.Part = part
		extract(t, c)
	}
	merge := func() error {
		parts, err := store.Parts(c.Out)
		if err != nil {
			return err
		}
		_, _, err = store.Merge(t.Context(), parts, c.Out, nil)
		return err
	}
	if err := merge(); err == nil || !strings.Contains(err.Error(), "1 of 4 parts is missing, the first is 2/4") {
		t.Fatalf("error %v", err)
	}
	c.Part = 2
	extract(t, c)
	if err := merge(); err != nil {
		t.Fatal(err)
	}
	same(t, "merged", whole.Out, c.Out)
	if s := extract(t, Config{
		Data: data, Out: c.Out, Model: c.Model, ModelName: c.ModelName, Views: 1, ShardRows: 8, MaxBad: 1, Transform: c.Transform,
		Library: func() (string, error) { return "", errors.New("the encoder was opened") },
	}); s.Encoded != 0 || s.Changed {
		t.Errorf("another run on the merged store: %+v", s)
	}
	for name, spoil := range map[string]func(c *Config){
		"made with different settings": func(c *Config) { c.Half = true },
		"are parts of a division into 4 and of one into 3: move the parts of one division elsewhere": func(c *Config) { c.Parts = 3 },
		"are not parts of one data set": func(c *Config) { c.Data = folder(t, 12) },
	} {
		other := c
		other.Out, other.Part = filepath.Join(base, "other"), 2
		spoil(&other)
		extract(t, other)
		_, _, err := store.Merge(t.Context(), []string{filepath.Join(c.Out, store.PartName(1, 4)), other.folder()}, filepath.Join(base, "x"), nil)
		if err == nil || !strings.Contains(err.Error(), other.folder()) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
		remove(t, other.Out)
	}
}

// TestPartsOfDataThatGrewLoseNothing: images move to another part, which copies their features, and the merged store is that of one
// extraction. What is gone from the data is kept, as by one extraction, until it is pruned.
func TestPartsOfDataThatGrewLoseNothing(t *testing.T) {
	data, base := folder(t, 20), t.TempDir()
	whole := config(t, data, filepath.Join(base, "whole"))
	whole.Anew = false
	c := whole
	c.Out, c.Parts = filepath.Join(base, "parts"), 2
	part := func(i int) *Summary {
		t.Helper()
		c.Part = i
		return extract(t, c)
	}
	merge := func(want int) {
		t.Helper()
		parts, err := store.Parts(c.Out)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			if rows, _, err := store.Merge(t.Context(), parts, c.Out, nil); err != nil || rows != want {
				t.Fatalf("%d rows, error %v, want %d", rows, err, want)
			}
			extract(t, whole)
			same(t, "merged", whole.Out, c.Out)
		}
	}
	part(1)
	part(2)
	merge(20)
	for i := range 8 {
		write(t, filepath.Join(data, "among", fmt.Sprintf("%d.png", i)), picture(t, 100+i))
	}
	if s := part(1); s.Moved != 4 || s.Handed+s.Gone+s.Pruned != 0 || s.Encoded != 8 || s.Already != 6 || s.Rows != 18 {
		t.Errorf("part 1: %+v", s)
	}
	if s := part(2); s.Moved+s.Handed+s.Gone != 0 || s.Encoded != 0 || s.Borrowed != 4 || s.Rows != 14 {
		t.Errorf("part 2: %+v", s)
	}
	merge(28)
	c.Prune = true
	if s := part(1); s.Moved+s.Gone+s.Pruned != 0 || s.Handed != 4 || s.Rows != 14 {
		t.Errorf("part 1 again: %+v", s)
	}
	c.Prune = false
	merge(28)
	remove(t, filepath.Join(data, "class1"))
	one, two := part(1), part(2)
	if one.Gone+two.Gone != 7 || one.Encoded+two.Encoded+one.Pruned+two.Pruned != 0 {
		t.Errorf("a class is gone: %+v and %+v", one, two)
	}
	extract(t, whole)
	parts, err := store.Parts(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	if rows, kept, err := store.Merge(t.Context(), parts, c.Out, nil); err != nil || rows != 28 || kept != 0 {
		t.Errorf("merged without a class: %d rows, %d kept, error %v", rows, kept, err)
	}
	c.Prune = true
	one, two = part(1), part(2)
	if one.Pruned+two.Pruned != 7 || one.Rows+two.Rows-one.Moved-two.Moved != 21 {
		t.Errorf("pruned: %+v and %+v", one, two)
	}
}

// TestMergingKeepsWhatTheStoreHad: the rows of images that no part has are kept as those of images that are gone.
func TestMergingKeepsWhatTheStoreHad(t *testing.T) {
	a, b, base := folder(t, 10), t.TempDir(), t.TempDir()
	for i := range 5 {
		write(t, filepath.Join(b, "other", fmt.Sprintf("%d.png", i)), picture(t, 50+i))
	}
	c := config(t, a, filepath.Join(base, "store"))
	extract(t, c)
	p := c
	p.Data, p.Out, p.Part, p.Parts = b, filepath.Join(base, "parts"), 1, 1
	extract(t, p)
	for i := range 2 {
		if m, err := Merge(t.Context(), []string{p.folder()}, c.Out, nil); err != nil || m.Rows != 15 || m.Kept != 10 {
			t.Fatalf("merge %d: %d rows, %d kept, error %v", i, m.Rows, m.Kept, err)
		}
	}
	if s := extract(t, c); s.Encoded != 0 || s.Already != 10 || s.Gone != 5 || s.Rows != 15 {
		t.Errorf("the first data again: %+v", s)
	}
}

func TestDamageIsFoundAndOnlyThatIsEncodedAgain(t *testing.T) {
	data, base := folder(t, 29), t.TempDir()
	c := config(t, data, filepath.Join(base, "store"))
	extract(t, c)
	whole := content(t, c.Out)
	shard := filepath.Join(c.Out, "features-00001.npy")
	for _, d := range []struct {
		name   string
		damage func()
		want   string
	}{
		{"a flipped bit", func() { spoil(t, shard, func(b []byte) []byte { b[200] ^= 4; return b }) }, "features-00001.npy: checksum"},
		{"a truncated shard", func() { spoil(t, shard, func(b []byte) []byte { return b[:300] }) }, "features-00001.npy: float32[8 1 12] needs 384 bytes and has 172"},
		{"an empty shard", func() { spoil(t, shard, func(b []byte) []byte { return nil }) }, "features-00001.npy: not a .npy file"},
		{"a missing shard", func() { remove(t, shard) }, "features-00001.npy: missing"},
	} {
		d.damage()
		var damaged *store.DamagedError
		if _, err := store.Open(c.Out); !errors.As(err, &damaged) || len(damaged.Shards) != 1 || !strings.Contains(err.Error(), d.want) {
			t.Errorf("%s: error %v, want %q", d.name, err, d.want)
		}
		if s := extract(t, c); s.Encoded != 8 || !s.Changed {
			t.Errorf("%s: %+v", d.name, s)
		}
		if !equal(whole, content(t, c.Out)) {
			t.Errorf("%s: the store changed", d.name)
		}
	}
}

func spoil(t testing.TB, name string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, change(b))
}

func TestWhatIsThereIsNeverOverwritten(t *testing.T) {
	data := folder(t, 10)
	for _, c := range []struct {
		name   string
		before func(c *Config)
		want   string
	}{
		{"another encoder", func(c *Config) { c.Model = onnxtest.Pooling(16, 4).Write(t) }, "was made with other settings (now encoder"},
		{"another crop", func(c *Config) { c.Transform.Resize = 20 }, "preprocessing"},
		{"another type", func(c *Config) { c.Half = true }, "dtype float16, not float32"},
		{"a missing manifest", func(c *Config) { remove(t, filepath.Join(c.Out, "manifest.json")) }, "but no manifest.json"},
		{"a broken manifest", func(c *Config) { write(t, filepath.Join(c.Out, "manifest.json"), []byte("{")) }, "its manifest.json is damaged"},
		{"a newer manifest", func(c *Config) {
			spoil(t, filepath.Join(c.Out, "manifest.json"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"version": 1`), []byte(`"version": 2`), 1)
			})
		}, "has a newer format (version 2, but this program reads up to 1)"},
		{"a folder of other things", func(c *Config) { c.Out = data }, "cannot be made there, since the folder is not empty (it holds class0)"},
		{"a file", func(c *Config) { c.Out = picturePath(data, 0) }, "cannot be made there: it is a file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := config(t, data, filepath.Join(t.TempDir(), "store"))
			extract(t, config)
			c.before(&config)
			var before map[string]string
			if stat, err := os.Stat(config.Out); err == nil && stat.IsDir() {
				before = content(t, config.Out)
			}
			_, err := Run(t.Context(), config, Hooks{})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, c.want)
			}
			if before != nil && !equal(before, content(t, config.Out)) {
				t.Error("the folder changed")
			}
		})
	}
}

func TestOneWriterAtATime(t *testing.T) {
	data, out := folder(t, 10), filepath.Join(t.TempDir(), "store")
	c := config(t, data, out)
	c.Batch = 1
	second := errors.New("not tried")
	if _, err := Run(t.Context(), c, Hooks{Progress: func(done, _ int) {
		if done == 5 {
			_, second = Run(t.Context(), c, Hooks{})
		}
	}}); err != nil {
		t.Fatal(err)
	}
	if second == nil || !strings.Contains(second.Error(), "is being written by another process") {
		t.Errorf("the second one: %v", second)
	}
	st, err := store.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFloat16(t *testing.T) {
	data, base := folder(t, 10), t.TempDir()
	c := config(t, data, filepath.Join(base, "32"))
	extract(t, c)
	c.Half, c.Out = true, filepath.Join(base, "16")
	extract(t, c)
	var rows [2][]float32
	for i, name := range []string{"32", "16"} {
		st, err := store.Open(filepath.Join(base, name))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		view, err := st.View(0)
		if err != nil {
			t.Fatal(err)
		}
		rows[i] = make([]float32, 10*12)
		if err := view.Block(rows[i], 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	for i, x := range rows[0] {
		if d := rows[1][i] - x; d > 1e-3 || d < -1e-3 || slices.Equal(rows[0], rows[1]) {
			t.Fatalf("feature %d: %g and %g", i, x, rows[1][i])
		}
	}
}

func TestViews(t *testing.T) {
	data, base := folder(t, 10), t.TempDir()
	c := config(t, data, filepath.Join(base, "plain"))
	extract(t, c)
	c.Views, c.Seed, c.Augment, c.Out = 3, 5, pixels.DefaultAugmentation(), filepath.Join(base, "views")
	if s := extract(t, c); s.Encoded != 10 {
		t.Errorf("%+v", s)
	}
	again := c
	again.Out, again.Workers, again.Batch = filepath.Join(base, "again"), 1, 1
	extract(t, again)
	same(t, "views with one worker and batches of one", c.Out, again.Out)
	matrix := func(dir string, v int) []float32 {
		st, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		view, err := st.View(v)
		if err != nil {
			t.Fatal(err)
		}
		all, picked := make([]float32, 10*12), make([]float32, 12)
		if err := errors.Join(view.Block(all, 0, 10), view.Gather(picked, []int32{9})); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(all[9*12:], picked) {
			t.Error("Block and Gather differ")
		}
		return all
	}
	plain, first, second := matrix(c.Out, 0), matrix(c.Out, 1), matrix(c.Out, 2)
	if !slices.Equal(plain, matrix(filepath.Join(base, "plain"), 0)) {
		t.Error("view 0 is not the plain one")
	}
	if slices.Equal(plain, first) || slices.Equal(first, second) {
		t.Error("views are alike")
	}
	parts := c
	parts.Out, parts.Parts = filepath.Join(base, "parts"), 3
	for i := range parts.Parts {
		parts.Part = i + 1
		extract(t, parts)
	}
	folders, err := store.Parts(parts.Out)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Merge(t.Context(), folders, parts.Out, nil); err != nil {
		t.Fatal(err)
	}
	same(t, "views of three parts, merged", c.Out, parts.Out)
	elsewhere := c // the same contents under other names, in another order, among others
	elsewhere.Data, elsewhere.Out = t.TempDir(), filepath.Join(base, "elsewhere")
	for row, i := range []int{0, 3, 6, 9, 1, 4, 7, 2, 5, 8} { // the order of the rows, by class
		write(t, filepath.Join(elsewhere.Data, fmt.Sprintf("%02d.png", 9-row)), picture(t, i))
	}
	extract(t, elsewhere)
	for v, want := range [][]float32{plain, first, second} {
		got := matrix(elsewhere.Out, v)
		for i := range 10 {
			if !slices.Equal(got[(9-i)*12:(10-i)*12], want[i*12:(i+1)*12]) {
				t.Errorf("view %d of picture %d depends on more than seed, content and view", v, i)
			}
		}
	}
	c.Seed++
	if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), "seed 6, not 5") {
		t.Errorf("another seed: %v", err)
	}
}

func TestFoldersArchivesAndListsGiveTheSameFeatures(t *testing.T) {
	data, base := folder(t, 12), t.TempDir()
	list := &bytes.Buffer{}
	for i := range 12 {
		fmt.Fprintf(list, "%s\tclass%d\n", picturePath(data, i), i%3)
	}
	write(t, filepath.Join(base, "list.txt"), list.Bytes())
	want := ""
	for _, source := range []string{data, filepath.Join(base, "list.txt")} {
		c := config(t, source, filepath.Join(base, "store"+filepath.Ext(source)))
		extract(t, c)
		got := content(t, c.Out)["features-00000.npy"]
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: different features", source)
		}
	}
}

func TestValidate(t *testing.T) {
	for want, spoil := range map[string]func(c *Config){
		"views":        func(c *Config) { c.Views = 0 },
		"batch":        func(c *Config) { c.Batch = -1 },
		"workers -1":   func(c *Config) { c.Workers = -1 },
		"workers 10":   func(c *Config) { c.Workers = 1 << 40 },
		"memory -1":    func(c *Config) { c.Memory = -1 },
		"memory 11":    func(c *Config) { c.Memory = 1 << 50 },
		"threads":      func(c *Config) { c.Encoder.Threads = -1 },
		"a share of 2": func(c *Config) { c.MaxBad = 2 },

		"the option Batch of the encoder is 8, but it is filled in from the extraction's own Batch: set that": func(c *Config) { c.Encoder.Batch = 8 },
		"the option Size of the encoder is 32, but it is filled in from the extraction's own Transform.Crop":  func(c *Config) { c.Encoder.Size = 32 },
		"the option Library of the encoder is x, but":                                                         func(c *Config) { c.Encoder.Library = "x" },

		"shard 5/4":  func(c *Config) { c.Part, c.Parts = 5, 4 },
		"are needed": func(c *Config) { c.Model = "" },
		"crop":       func(c *Config) { c.Transform.Crop = 0 },

		"mean 0.5,116.28,0.5 looks like units of 0 to 255":                         func(c *Config) { c.Transform.Mean[1] = 116.28 },
		"std 58.395,0.5,0.5 looks like units of 0 to 255":                          func(c *Config) { c.Transform.Std[0] = 58.395 },
		"mean 0.5,0.5,103.53 and std 0.5,0.5,57.375 look like units":               func(c *Config) { c.Transform.Mean[2], c.Transform.Std[2] = 103.53, 57.375 },
		"divide by 255 (for an encoder that takes pixels from 0 to 255, mean is 0": func(c *Config) { c.Transform.Mean = [3]float32{127, 127, 127} },
		"mean -0.1: want a number from 0 to 1":                                     func(c *Config) { c.Transform.Mean[0] = -0.1 },
	} {
		c := config(t, "data", "out")
		spoil(&c)
		if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// What is at the end of the range is allowed: images as they are, and encoders that take pixels from 0 to 255.
func TestUnitsAtTheEdge(t *testing.T) {
	for _, v := range []struct{ mean, std float32 }{{0, 1}, {1, 1}, {0, 1. / 255}} {
		c := config(t, "data", "out")
		c.Transform.Mean, c.Transform.Std = [3]float32{v.mean, v.mean, v.mean}, [3]float32{v.std, v.std, v.std}
		if err := c.Validate(); err != nil {
			t.Errorf("mean %g, std %g: %v", v.mean, v.std, err)
		}
	}
}

// Features that were made with a mean in units of 0 to 255 can still be used.
func TestAnEmbedderOpensWhateverUnits(t *testing.T) {
	c := config(t, folder(t, 3), filepath.Join(t.TempDir(), "store"))
	extract(t, c)
	_, described, _ := embedder(t, c)
	described = bytes.Replace(described, []byte(`"mean":[0.5,`), []byte(`"mean":[123.675,`), 1)
	library, err := library()
	if err != nil {
		t.Fatal(err)
	}
	e, err := OpenEmbedder(t.Context(), described, c.Model, encoder.Options{Provider: encoder.CPU, Library: library})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Transform.Mean[0] != 123.675 {
		t.Errorf("%+v", e.Transform)
	}
}

func TestTheCropMustBeTheModels(t *testing.T) {
	c := config(t, folder(t, 2), filepath.Join(t.TempDir(), "store"))
	c.Transform.Crop = 8
	if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), "takes images of 16×16 pixels, not 8×8") {
		t.Errorf("error %v", err)
	}
	wide := onnxtest.Pooling(16, 8)
	wide.Input[3] = 32
	c.Model, c.Transform.Crop = wide.Write(t), 32
	if _, err := Run(t.Context(), c, Hooks{}); err == nil || !strings.Contains(err.Error(), "takes images of 32×16 pixels, and images are prepared as squares") {
		t.Errorf("a model of wide images: %v", err)
	}
}

func TestTheArchiveAndItsFilesGiveTheSameFeatures(t *testing.T) {
	archive := sharedtest.Path(t, "data", "cifar100-test.tar")
	set, err := dataset.Open(t.Context(), archive, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	data, base := t.TempDir(), t.TempDir()
	for i := range set.Items {
		b, err := set.Read(i, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(data, filepath.FromSlash(set.Items[i].Path)), b)
	}
	c := config(t, archive, filepath.Join(base, "archive"))
	c.ShardRows, c.Batch = 1024, 64
	extract(t, c)
	c.Data, c.Out = data, filepath.Join(base, "folder")
	if s := extract(t, c); s.Rows != 10_000 {
		t.Errorf("%+v", s)
	}
	same(t, "archive and folder", filepath.Join(base, "archive"), c.Out)
}
