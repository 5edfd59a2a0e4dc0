package store

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"iconic/internal/cachefolder"
)

func lending() Settings {
	return Settings{
		Encoder: Encoder{Name: "e", SHA256: "ab"}, Preprocessing: json.RawMessage(`{"crop":16}`), JPEGDecoder: "go", Provider: "cpu", Runtime: "1.27.0",
		Views: 1, DType: "float32", Dim: 3, ShardRows: 8,
	}
}

// indexed writes the index of an imaginary store with n contents, and returns its file.
func indexed(t testing.TB, n int) (rows map[Hash]int32, name string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	r := rand.New(rand.NewPCG(uint64(n), 1))
	rows = map[Hash]int32{}
	for i := range n {
		var h Hash
		binary.LittleEndian.PutUint64(h[:], r.Uint64())
		binary.LittleEndian.PutUint64(h[8:], r.Uint64())
		rows[h] = int32(i)
	}
	s := lending()
	dir := t.TempDir()
	keepContents(dir, &s, "0123456789abcdef", rows)
	key, _, _ := s.content()
	return rows, cachedFile(contentsFolder(key), fullName(dir))
}

// Every content is found, and no other, whatever the number; each takes 20 bytes on disk, and none in memory.
func TestAnIndexFindsWhatItHolds(t *testing.T) {
	for _, n := range []int{1, 2, 15, 16, 17, 1000, 70_000} {
		rows, name := indexed(t, n)
		c, err := openContents(name)
		if err != nil {
			t.Fatal(err)
		}
		if c.Contents != n || len(c.bucket) > 1<<16+1 {
			t.Errorf("%d contents in %d buckets, want %d", c.Contents, len(c.bucket), n)
		}
		checked := 0
		for h, row := range rows {
			if got, ok := c.find(h); !ok || got != int(row) {
				t.Fatalf("of %d contents, that of row %d is %d, %v", n, row, got, ok)
			}
			h[15]++
			if _, other := rows[h]; !other {
				if row, ok := c.find(h); ok {
					t.Fatalf("a missing content is found in row %d", row)
				}
			}
			if checked++; checked == 2000 {
				break
			}
		}
		if stat, err := os.Stat(name); err != nil || stat.Size() > int64(20*n+1000) {
			t.Errorf("%d contents take %d bytes", n, stat.Size())
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedIndexIsNoIndex(t *testing.T) {
	_, name := indexed(t, 5)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged")
	try := func(what string, b []byte) {
		if err := os.WriteFile(damaged, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := openContents(damaged); err == nil {
			t.Errorf("%s is accepted", what)
			_ = c.close()
		}
	}
	for i := range whole {
		b := append([]byte(nil), whole...)
		b[i] ^= 1
		try("a flipped bit", b)
		try("a truncated index", whole[:i])
	}
	try("one byte more", append(whole, 0))
}

// Stores with an unknown engine, and local copies of stores in buckets, leave no index.
func TestWhatLeavesNoIndex(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	rows := map[Hash]int32{{1}: 0}
	unknown, known := lending(), lending()
	unknown.Runtime = ""
	keepContents(t.TempDir(), &unknown, "s", rows)
	keepContents(t.TempDir(), &known, "s", nil)
	buckets, err := cachefolder.Of(cachefolder.Buckets)
	if err != nil {
		t.Fatal(err)
	}
	bucket := filepath.Join(buckets, "7")
	if err := os.MkdirAll(bucket, 0o755); err != nil {
		t.Fatal(err)
	}
	keepContents(bucket, &known, "s", rows)
	folder, err := cachefolder.Of(cachefolder.Contents)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := filepath.Glob(filepath.Join(folder, "*", "*")); err != nil || len(found) != 0 {
		t.Errorf("%q, %v", found, err)
	}
}

// The key covers every setting except the four that serves compares.
func TestWhatMakesStoresLendToEachOther(t *testing.T) {
	base, _, ok := func() (string, lendable, bool) { s := lending(); return s.content() }()
	if !ok {
		t.Fatal("no key")
	}
	for what, change := range map[string]func(*Settings){
		"encoder": func(s *Settings) { s.Encoder.SHA256 = "cd" }, "output": func(s *Settings) { s.Encoder.Output = "cls" },
		"preprocessing": func(s *Settings) { s.Preprocessing = json.RawMessage(`{"crop":17}`) }, "decoder": func(s *Settings) { s.JPEGDecoder = "x" },
		"provider": func(s *Settings) { s.Provider = "cuda" }, "runtime": func(s *Settings) { s.Runtime = "1.28.0" }, "dim": func(s *Settings) { s.Dim = 4 },
	} {
		s := lending()
		change(&s)
		if key, _, ok := s.content(); !ok || key == base {
			t.Errorf("%s: the same key, %v", what, ok)
		}
	}
	s := lending()
	s.Views, s.Seed, s.DType, s.ShardRows, s.Encoder.Name = 3, 1, "float16", 9, "other"
	s.Preprocessing = json.RawMessage(`{ "augment": {"flip":0.5}, "crop":16}`)
	if key, l, ok := s.content(); !ok || key != base || l.Views != 3 || l.Seed != 1 || l.DType != "float16" || string(l.Augment) != `{"flip":0.5}` {
		t.Errorf("%s, %+v, %v", key, l, ok)
	}
}
