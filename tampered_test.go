package iconic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"iconic/classify"
	"iconic/features"
	"iconic/internal/tampering"
	"iconic/matrix"
	"iconic/progress"
	"iconic/run"
)

// The files of a run folder that other commands read.
const (
	configFile   = "config.json"
	metricsFile  = "metrics.json"
	headFile     = "head.safetensors"
	noveltyFile  = "novelty.safetensors"
	historyFile  = "history.jsonl"
	assignments  = "assignments.csv"
	fixtureDim   = 6
	fixtureRows  = 60
	fixtureNames = 3
)

// fixture returns a small labelled set of features, as from a store of images.
func fixture(t testing.TB) *features.Set {
	t.Helper()
	data, labels := make([]float32, fixtureRows*fixtureDim), make([]int, fixtureRows)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range fixtureRows {
		labels[i] = i % fixtureNames
		for j := range fixtureDim {
			data[i*fixtureDim+j] = float32(r.NormFloat64() * 0.1)
		}
		data[i*fixtureDim+labels[i]] += 3
	}
	set, err := features.New(&matrix.Dense{Width: fixtureDim, X: data}, nil, labels, []string{"ants", "=bees", "c\u00e9"})
	if err != nil {
		t.Fatal(err)
	}
	set.Encoder = []byte(`{"encoder":{"name":"tiny","sha256":"00"},"preprocessing":{"resize":8,"crop":8,"mean":[0.5,0.5,0.5],"std":[1,1,1]},"jpeg_decoder":"go","views":1,"dtype":"float32","dim":6,"shard_rows":64}`)
	return set
}

// oneHead and vote are settings for a run with one linear head, and with an ensemble of heads.
var (
	oneHead = map[string]string{"method": "kmeans"}
	vote    = map[string]string{"method": "debiased-infonce-clustering", "epochs": "20", "heads": "4", "alpha": "0.97"}
)

// trained makes a small run from the features and returns its files.
func trained(t testing.TB, settings map[string]string) map[string][]byte {
	t.Helper()
	set := fixture(t)
	settings = maps.Clone(settings)
	settings["clusters"] = strconv.Itoa(fixtureNames)
	c, _, err := run.Configure(settings, 0, fixtureRows, fixtureNames)
	if err != nil {
		t.Fatal(err)
	}
	training := run.Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: c, Workers: 1, Hooks: progress.Hooks{}}
	if _, err := training.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range []string{configFile, metricsFile, headFile, noveltyFile, historyFile, assignments} {
		if files[name], err = os.ReadFile(filepath.Join(training.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// write writes files into a folder and returns their total size.
func write(t testing.TB, dir string, files map[string][]byte) (size int) {
	t.Helper()
	for name, b := range files {
		size += len(b)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return size
}

// use does with a run folder, whose files have size bytes, what the commands do: read, resume, classify, write a page. It fails the test if
// that panics, takes long, or needs more memory than a few times the files.
func use(t *testing.T, dir string, size int) (err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	err = errors.Join(classified(dir), opened(dir))
	runtime.ReadMemStats(&after)
	if most := 32<<20 + 400*uint64(size); after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("used %d bytes of memory for %d bytes of files", after.TotalAlloc-before.TotalAlloc, size)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	return err
}

// classified does what predict, serve and export do with a run, except for the encoder, and what a resumed training does.
func classified(dir string) error {
	if _, err := run.LoadUnfinished(dir); err != nil {
		return err
	}
	if _, err := run.LoadCheckpoint(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	found, err := classify.Read(dir, classify.Options{})
	if err != nil {
		return err
	}
	m := &classify.Model{Run: found.Run, Names: found.Names, Curation: found.Curation}
	predictions, err := m.Classify(make([]float32, 2*found.Run.Head.Dim), 2)
	if err != nil {
		return err
	}
	_, err = json.Marshal(predictions) // serve answers this
	return err
}

// opened does what report, compare and sort do with a run.
func opened(dir string) error {
	f, err := run.Open(dir)
	if err != nil {
		return err
	}
	_ = f.Config.Lines()
	_, err = f.History()
	return err
}

// However a file of a run folder is changed, it is used or refused with an error, at a cost in proportion to its size. There are about
// 15,500 variants; one in 61 is tried, one in three behind the tag slow.
func TestTamperedRuns(t *testing.T) {
	t.Run("one head", func(t *testing.T) { tampered(t, trained(t, oneHead)) })
	t.Run("heads that vote", func(t *testing.T) {
		files := trained(t, vote)
		if !bytes.Contains(files[headFile], []byte("temperature")) {
			t.Fatal("the heads do not vote")
		}
		tampered(t, files)
	})
}

func tampered(t *testing.T, files map[string][]byte) {
	dir := t.TempDir()
	size := write(t, dir, files)
	if err := use(t, dir, size); err != nil {
		t.Fatalf("the whole run: %v", err)
	}
	refused, all := 0, 0
	try := func(file, what string, b []byte) {
		if all++; all%everyVariant != 0 {
			return
		}
		write(t, dir, map[string][]byte{file: b})
		if err := use(t, dir, size); err != nil {
			refused++
		}
		if t.Failed() {
			t.Fatalf("%s with %s", file, what)
		}
	}
	for _, file := range []string{configFile, metricsFile, historyFile} {
		for what, b := range tampering.JSON(files[file]) {
			try(file, what, b)
		}
		write(t, dir, files)
	}
	for _, file := range []string{headFile, noveltyFile, assignments} {
		for what, b := range tampering.Bytes(files[file], 200) {
			try(file, what, b)
		}
		write(t, dir, files)
	}
	t.Logf("%d of %d were refused", refused, all/everyVariant)
}

// FuzzRun does the same with arbitrary bytes.
func FuzzRun(f *testing.F) {
	for _, settings := range []map[string]string{oneHead, vote} {
		files := trained(f, settings)
		f.Add(files[configFile], files[metricsFile], files[headFile], files[noveltyFile], files[historyFile], files[assignments])
	}
	f.Fuzz(func(t *testing.T, config, metrics, head, novelty, history, table []byte) {
		dir := t.TempDir()
		size := write(t, dir, map[string][]byte{configFile: config, metricsFile: metrics, headFile: head, noveltyFile: novelty, historyFile: history, assignments: table})
		_ = use(t, dir, size) // an error is fine too
	})
}
