package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iconic/extract/store"
	"iconic/internal/cachefolder"
	"iconic/internal/cachetest"
	"iconic/internal/lockfile"
)

// folder makes a cache with one entry of every kind. The entries named in old were last used an hour ago, the others now.
func folder(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	root, err := cachefolder.Root()
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, bytes int) {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, make([]byte, bytes), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(root, "features"), os.DirFS(stores)); err != nil {
		t.Fatal(err)
	}
	put("features/photos-1/neighbours/a.knn", 100)
	put("features/photos-1/neighbours/b.knn", 100)
	put("neighbours/abc/a.knn", 1000)
	put("models/onnx/small-1/model.onnx", 5000)
	put("models/onnx/small-1/seal.json", 10)
	put("models/onnx/small-2/.iconic-tmp-0badcafe-abc-abcdefghijkl", 70)
	put("models/weights/small/weights.pth", 6000)
	put("models/weights/base/weights.pth.part", 60)
	put("models/encoders/ab12", 0)
	if err := os.WriteFile(filepath.Join(root, "models/encoders/ab12"), []byte(filepath.Join(root, "models/onnx/small-1/model.onnx")), 0o600); err != nil {
		t.Fatal(err)
	}
	put("models/weights.lock.json", 2)
	put("onnxruntime/1.27.0-linux-x64/libonnxruntime.so", 9000)
	put("onnxruntime/onnxruntime.tgz.part", 90)
	put("onnxruntime/.lock", 0)
	put("stamps/0123456789abcdef", 40)
	put("buckets/77/manifest.json", 7)
	put("buckets/77.lock", 0)
	return root
}

func settings() store.Settings {
	return store.Settings{Encoder: store.Encoder{Name: "small", SHA256: "ab"}, Preprocessing: json.RawMessage(`{}`), Views: 1, DType: "float32", Dim: 2, ShardRows: 4}
}

// stores is a folder with a finished store, photos-1, and one whose first run was interrupted, photos-2.
var stores string

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(withStores{m}).Run()) }

// withStores holds the tests that look up the stores.
type withStores struct{ cachetest.Tests }

func (w withStores) Run() int {
	code, err := 1, error(nil)
	if stores, err = os.MkdirTemp("", "stores"); err == nil {
		err = errors.Join(finished(filepath.Join(stores, "photos-1")), begun(filepath.Join(stores, "photos-2")))
	}
	if err == nil {
		code = w.Tests.Run()
	} else {
		fmt.Println(err)
	}
	_ = os.RemoveAll(stores)
	return code
}

func begun(dir string) error {
	w, err := store.Begin(dir, settings(), nil)
	if err != nil {
		return err
	}
	return errors.Join(w.Append(store.Item{Path: "a", Label: -1, Hash: store.Hash{1}}, "", []float32{1, 2}), w.Close())
}

func finished(dir string) error {
	if err := begun(dir); err != nil {
		return err
	}
	w, err := store.Begin(dir, settings(), nil)
	if err != nil {
		return err
	}
	if err := w.Append(store.Item{Path: "a", Label: -1, Hash: store.Hash{1}}, "", nil); err != nil {
		return err
	}
	_, err = w.Commit()
	return err
}

// age sets back the times of an entry and of everything in it.
func age(t *testing.T, root string, by time.Duration, names ...string) {
	t.Helper()
	when := time.Now().Add(-by)
	for _, name := range names {
		err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(name)), func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chtimes(path, when, when))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func list(t *testing.T) []Entry {
	t.Helper()
	entries, err := List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func names(entries []Entry) []string {
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return all
}

func TestListKnowsEverythingThatIsKept(t *testing.T) {
	root := folder(t)
	type line struct {
		kind  Kind
		name  string
		state State
	}
	var got []line
	var total int64
	for _, e := range list(t) {
		got = append(got, line{e.Kind, e.Name, e.State})
		total += e.Bytes
		if time.Since(e.Used) > time.Minute || e.Path != filepath.Join(root, filepath.FromSlash(e.Name)) {
			t.Errorf("%+v", e)
		}
	}
	want := []line{
		{Features, "features/photos-1", Kept}, {Features, "features/photos-2", Unfinished},
		{Graphs, "neighbours/abc", Kept}, {Graphs, "features/photos-1/neighbours", Kept},
		{Encoder, "models/onnx/small-1", Kept}, {Encoder, "models/onnx/small-2", Unfinished},
		{Weights, "models/weights/small", Kept}, {Weights, "models/weights/base", Unfinished},
		{Runtime, "onnxruntime/1.27.0-linux-x64", Kept},
		{Index, "stamps", Kept},
		{Rest, "onnxruntime/onnxruntime.tgz.part", Unfinished}, {Rest, "buckets/77", Unfinished},
	}
	by := func(a, b line) int { return strings.Compare(a.name, b.name) }
	slices.SortFunc(got, by)
	slices.SortFunc(want, by)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Error(diff)
	}
	var bytes int64
	err := filepath.Walk(root, func(path string, stat os.FileInfo, err error) error {
		base := filepath.Base(path)
		if err == nil && stat.Mode().IsRegular() && !cachefolder.Lock(path) && base != "weights.lock.json" && base != "ab12" && base != "77.lock" {
			bytes += stat.Size()
		}
		return err
	})
	if err != nil || total != bytes {
		t.Errorf("%d bytes are listed, want %d (error %v)", total, bytes, err)
	}
	if again := list(t); len(again) != len(got) {
		t.Errorf("listing leaves files behind: %q", names(again))
	}
}

func TestAnEmptyCache(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if got := list(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	p, err := Prune(t.Context(), Rule{OlderThan: time.Hour}, false)
	if err != nil || len(p.Removed) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPruneRemovesWhatTheRuleFits(t *testing.T) {
	keep := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		what string
		rule Rule
		want []string
	}{
		{"age", Rule{OlderThan: 24 * time.Hour}, []string{"features/photos-1", "features/photos-1/neighbours", "models/weights/small"}},
		{"age and size", Rule{OlderThan: 24 * time.Hour, LargerThan: 6000}, []string{"models/weights/small"}},
		{"kinds", Rule{Kinds: []Kind{Runtime, Rest}}, []string{"buckets/77", "onnxruntime/1.27.0-linux-x64", "onnxruntime/onnxruntime.tgz.part"}},
		{"a size to keep", Rule{Keep: keep(1 << 30)}, []string{}},
		{"a size to keep, the least recently used go first", Rule{Keep: keep(17_500)}, []string{"models/weights/small"}},
		{"nothing to keep", Rule{Keep: keep(0), Kinds: []Kind{Graphs, Index}}, []string{"features/photos-1/neighbours", "neighbours/abc", "stamps"}},
		{"only graphs", Rule{Kinds: []Kind{Graphs}, OlderThan: 24 * time.Hour}, []string{"features/photos-1/neighbours"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			root := folder(t)
			age(t, root, 48*time.Hour, "features/photos-1")
			age(t, root, 72*time.Hour, "models/weights/small")
			before := list(t)
			dry, err := Prune(t.Context(), c.rule, true)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(names(before), names(list(t))); diff != "" {
				t.Errorf("a dry run changed the cache: %s", diff)
			}
			p, err := Prune(t.Context(), c.rule, false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(names(dry.Removed), names(p.Removed)); diff != "" {
				t.Errorf("a dry run reports something else: %s", diff)
			}
			removed := names(p.Removed)
			slices.Sort(removed)
			if diff := cmp.Diff(c.want, removed); diff != "" {
				t.Error(diff)
			}
			after := list(t)
			for _, e := range after {
				if slices.Contains(removed, e.Name) {
					t.Errorf("%s is still there", e.Name)
				}
			}
			if len(after) != len(before)-len(removed) || p.Left != Bytes(after) || p.Bytes != Bytes(before)-Bytes(after) {
				t.Errorf("%d of %d entries are left; %d bytes are reported, want %d", len(after), len(before), p.Left, Bytes(after))
			}
		})
	}
}

// A rule that the user would regret is refused.
func TestRulesThatSayNothing(t *testing.T) {
	for what, r := range map[string]Rule{"nothing": {}, "an age below zero": {OlderThan: -1}, "an unknown kind": {Kinds: []Kind{"weight"}}, "no kind": {Kinds: []Kind{}, LargerThan: 1}} {
		if err := r.Validate(); err == nil {
			t.Errorf("%s: no error", what)
		}
		if _, err := Prune(t.Context(), r, false); err == nil {
			t.Errorf("%s: pruned", what)
		}
	}
}

// A store that is being written or read, and a model that another process is waiting to start, are not removed.
func TestWhatIsInUseStays(t *testing.T) {
	root := folder(t)
	photos, model := filepath.Join(root, "features", "photos-1"), filepath.Join(root, "models", "onnx", "small-1")
	everything := Rule{Kinds: Kinds()}
	w, err := store.Begin(filepath.Join(root, "features", "photos-2"), settings(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var releases []func()
	for _, dir := range []string{photos, model} {
		release, err := cachefolder.Hold(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	p, err := Prune(t.Context(), everything, false)
	if err != nil {
		t.Fatal(err)
	}
	passed := names(p.Passed)
	slices.Sort(passed)
	want := []string{"features/photos-1", "features/photos-1/neighbours", "features/photos-2", "models/onnx/small-1"}
	if diff := cmp.Diff(want, passed); diff != "" {
		t.Error(diff)
	}
	left := list(t)
	slices.SortFunc(left, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	if diff := cmp.Diff(want, names(left)); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(root, "models", "encoders", "ab12")); err != nil {
		t.Errorf("the encoder's path is forgotten: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, release := range releases {
		release()
	}
	if _, err := Prune(t.Context(), everything, false); err != nil {
		t.Fatal(err)
	}
	if left := list(t); len(left) != 0 {
		t.Errorf("left: %q", names(left))
	}
	if _, err := os.Stat(filepath.Join(root, "models", "encoders", "ab12")); err == nil {
		t.Error("an encoder that is gone is remembered")
	}
}

// Whoever wants an entry that is being removed waits, and then finds that it is gone.
func TestHoldWaitsForAPrune(t *testing.T) {
	root := folder(t)
	dir := filepath.Join(root, "features", "photos-1")
	unlock, err := cachefolder.Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
	defer cancel()
	if _, err := cachefolder.Hold(over, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the entry can be held while it is claimed: %v", err)
	}
	if err := cachefolder.Discard(dir); err != nil {
		t.Fatal(err)
	}
	release, err := cachefolder.Hold(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := cachefolder.Remove(dir); !errors.Is(err, lockfile.ErrBusy) {
		t.Errorf("a held entry is removed: %v", err)
	}
	release()
	if err := cachefolder.Remove(dir); err != nil {
		t.Error(err)
	}
}

func TestNothingElsewhereIsTouched(t *testing.T) {
	folder(t)
	elsewhere := t.TempDir()
	if err := cachefolder.Remove(elsewhere); err == nil {
		t.Error("a folder outside the cache is removed")
	}
	release, err := cachefolder.Hold(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("files are left in a folder outside the cache: %v, %v", entries, err)
	}
}
