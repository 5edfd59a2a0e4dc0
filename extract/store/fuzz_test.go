package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// seedStore is a small store with two shards, of two rows and of one.
func seedStore(t testing.TB, dir string, part *Part) {
	t.Helper()
	s := Settings{Encoder: Encoder{Name: "e", SHA256: "0"}, Preprocessing: []byte(`{}`), JPEGDecoder: "go", Views: 1, DType: "float32", Dim: 2, ShardRows: 2}
	w, err := Begin(dir, s, part)
	if err != nil {
		t.Fatal(err)
	}
	w.SetClasses([]string{"a", "b"})
	for i := range 3 {
		it := Item{Path: string(rune('a' + i)), Label: i % 2, Size: 1, Hash: Hash{byte(i + 1)}}
		if err := w.Append(it, "", []float32{float32(i), 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// FuzzManifest opens and merges stores with arbitrary manifests and lists of items. Nothing worse than an error may result, and the memory
// used stays below 16 MiB (for file buffers) plus a hundred times the size of the input.
func FuzzManifest(f *testing.F) {
	f.Setenv("XDG_CACHE_HOME", f.TempDir())
	from := f.TempDir()
	seedStore(f, from, &Part{Index: 1, Of: 1, Count: 3, Total: 3, Listing: "x"})
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	manifest, items := read(ManifestName), read(ItemsName)
	f.Add(manifest, items)
	f.Add([]byte(`{"format":"iconic feature store","version":1,"views":1,"dim":9,"dtype":"float32","shard_rows":4194304,"part":{"index":1,"of":1}}`), []byte{})
	shards := map[string][]byte{shardName(0): read(shardName(0)), shardName(1): read(shardName(1))}
	f.Fuzz(func(t *testing.T, manifest, items []byte) {
		dir := t.TempDir()
		for name, b := range shards {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, ManifestName), manifest, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ItemsName), items, 0o644); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Open(dir)
		if err == nil {
			_, err = s.Items()
			if cerr := s.Close(); cerr != nil {
				t.Fatal(cerr)
			}
		}
		rows, _, mergeErr := Merge(t.Context(), []string{dir}, filepath.Join(dir, "out"), nil)
		if err != nil && mergeErr == nil {
			t.Fatalf("merged %d rows into a store that cannot be opened: %v", rows, err)
		}
		runtime.ReadMemStats(&after)
		if most := 16<<20 + 100*uint64(len(manifest)+len(items)); after.TotalAlloc-before.TotalAlloc > most {
			t.Fatalf("%d bytes of memory for an input of %d", after.TotalAlloc-before.TotalAlloc, len(manifest)+len(items))
		}
	})
}
