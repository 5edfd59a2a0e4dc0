package iconic_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"iconic/extract/store"
	"iconic/features"
	"iconic/internal/tampering"
	"iconic/progress"
	"iconic/run"
)

// The files of a feature store.
const (
	manifestFile = "manifest.json"
	itemsFile    = "items.jsonl"
	shardFile    = "features-00000.npy"
)

// stored makes a small store of two shards, one of them partly filled, and returns its files.
func stored(t testing.TB) map[string][]byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	s := store.Settings{Encoder: store.Encoder{Name: "e", SHA256: "0"}, Preprocessing: []byte(`{"resize":8}`), JPEGDecoder: "go", Views: 1, DType: "float32", Dim: 3, ShardRows: 16}
	w, err := store.Begin(dir, s, &store.Part{Index: 1, Of: 1, Count: 20, Total: 20, Listing: "x"})
	if err != nil {
		t.Fatal(err)
	}
	w.SetClasses([]string{"ants", "=bees"})
	for i := range 20 {
		it := store.Item{Path: fmt.Sprintf("p%02d.png", i), Label: i % 2, Size: 1, Hash: store.Hash{byte(i + 1)}}
		if err := w.Append(it, "", []float32{float32(i), 1, float32(i % 3)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// read opens a store as train, report, merge and extract do, and returns its whole content as text.
func read(t *testing.T, dir string, size int) (content string, err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	_, describeErr := store.Describe(dir)
	set, openErr := features.Open(dir, "")
	if openErr == nil {
		var rows strings.Builder
		fmt.Fprint(&rows, set.Paths, set.Labels, set.Classes)
		for row, err := range features.Rows(set.Features) {
			if err != nil {
				openErr = err
				break
			}
			fmt.Fprint(&rows, row)
		}
		content = rows.String()
		openErr = errors.Join(openErr, set.Close())
	}
	out := filepath.Join(dir, "merged")
	_, _, mergeErr := store.Merge(t.Context(), []string{dir}, out, nil)
	_ = os.RemoveAll(out)
	runtime.ReadMemStats(&after)
	if most := 48<<20 + 400*uint64(size); after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("used %d bytes of memory for %d bytes of files", after.TotalAlloc-before.TotalAlloc, size)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if openErr != nil && mergeErr == nil {
		t.Errorf("merged a store that cannot be opened (%v)", openErr)
	}
	return content, errors.Join(describeErr, openErr, mergeErr)
}

// However a file of a store is changed, the store is refused with an error, or its content is unchanged: every file but the manifest has a
// checksum.
func TestTamperedStores(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	files := stored(t)
	dir := t.TempDir()
	size := write(t, dir, files)
	whole, err := read(t, dir, size)
	if err != nil {
		t.Fatalf("the whole store: %v", err)
	}
	refused, tried, all := 0, 0, 0
	try := func(file, what string, b []byte) {
		if all++; all%everyVariant != 0 {
			return
		}
		write(t, dir, map[string][]byte{file: b})
		content, err := read(t, dir, size)
		tried++
		if err != nil {
			refused++
			oneSentence(t, err)
		} else if file != manifestFile && string(b) != string(files[file]) {
			t.Error("a changed file was accepted")
		} else if file == manifestFile && content != whole && !named(what, ".classes", ".encoder", ".") {
			t.Errorf("read changed content: %.200s", content)
		}
		if t.Failed() {
			t.Fatalf("%s with %s", file, what)
		}
	}
	for _, file := range []string{manifestFile, itemsFile} {
		for what, b := range tampering.JSON(files[file]) {
			try(file, what, b)
		}
		for what, b := range tampering.Bytes(files[file], 200) {
			if file != manifestFile {
				try(file, what, b)
			}
		}
		write(t, dir, files)
	}
	for what, b := range tampering.Bytes(files[shardFile], 200) {
		try(shardFile, what, b)
	}
	t.Logf("%d of %d were refused", refused, tried)
}

// named reports whether the name of a variant contains one of parts.
func named(what string, parts ...string) bool {
	for _, p := range parts {
		if strings.HasPrefix(what, p) {
			return true
		}
	}
	return false
}

// oneSentence checks that a terminal may show the error: one line of limited length, without control characters.
func oneSentence(t *testing.T, err error) {
	t.Helper()
	for _, line := range strings.Split(err.Error(), "\n") { // one for each use
		if len(line) > 2000 {
			t.Errorf("an error of %d bytes: %.200s", len(line), line)
		}
	}
}

// Every changed byte of a checkpoint, and of a head and its companion files, is noticed: a training never resumes from a different state.
func TestTamperedCheckpoints(t *testing.T) {
	dir := interrupted(t)
	name := filepath.Join(dir, "checkpoint.safetensors")
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.LoadCheckpoint(dir); err != nil {
		t.Fatalf("the whole checkpoint: %v", err)
	}
	n := 0
	for what, b := range tampering.Bytes(file, 1200/everyVariant) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := run.LoadCheckpoint(dir)
		if err == nil && !sameNumbers(b, file) {
			t.Errorf("%s: a changed checkpoint was accepted", what)
		} else if err != nil {
			oneSentence(t, err)
		}
		n++
	}
	t.Logf("%d variants of %d bytes", n, len(file))
}

// sameNumbers reports whether two safetensors files differ only in the spaces of their headers.
func sameNumbers(a, b []byte) bool {
	return strings.Join(strings.Fields(string(a)), "") == strings.Join(strings.Fields(string(b)), "")
}

// interrupted starts a training and stops it when it has a checkpoint.
func interrupted(t *testing.T) string {
	t.Helper()
	set := fixture(t)
	c, _, err := run.Configure(map[string]string{"clusters": strconv.Itoa(fixtureNames), "method": "debiased-infonce-clustering", "epochs": "400"}, 0, fixtureRows, fixtureNames)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := 0
	hooks := progress.Hooks{Step: func(progress.Step) {
		if steps++; steps == 20 {
			cancel()
		}
	}}
	training := run.Training{Dir: dir, Features: set, Config: c, Workers: 1, Hooks: hooks}
	if _, err := training.Train(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the training should have been interrupted after %d steps: %v", steps, err)
	}
	return dir
}
