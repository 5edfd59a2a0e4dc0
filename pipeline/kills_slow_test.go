//go:build unix && slow

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/cachetest"
	"iconic/models"
	"iconic/sorting"
)

// killed is a command that is killed at random moments and repeated.
type killed struct {
	name  string
	args  []string // OUT stands for its output path
	cache bool     // its output is in the cache
}

// fixtures creates the inputs of the commands in the table, and lists the commands.
func fixtures(t *testing.T, base string) []killed {
	t.Helper()
	data := noise(t, 400)
	at := func(name string) string { return filepath.Join(base, name) }
	weights := at("weights.safetensors")
	e, err := models.Lookup("dinov2-small")
	if err != nil {
		t.Fatal(err)
	}
	randomWeights(t, weights, e.Architecture)
	for _, args := range [][]string{
		{"extract", data, "--model", "tiny", "--out", at("store"), "--shard-rows", "32"},
		{"extract", data, "--model", "tiny", "--shard", "1/2", "--out", at("parts"), "--shard-rows", "32"},
		{"extract", data, "--model", "tiny", "--shard", "2/2", "--out", at("parts"), "--shard-rows", "32"},
		{"train", at("store"), "--clusters", "5", "--method", "debiased-infonce-clustering", "--epochs", "20", "--out", at("run")},
		{"train", at("store"), "--clusters", "5", "--method", "debiased-infonce-clustering", "--epochs", "20", "--seed", "2", "--out", at("other")},
	} {
		expectSuccess(t, exec.Command("pipeline", args...))
	}
	return []killed{
		{name: "extract", args: []string{"extract", data, "--model", "tiny", "--out", "OUT", "--shard-rows", "32"}},
		{name: "run", args: []string{"run", data, "--model", "tiny", "--method", "debiased-infonce-clustering", "--epochs", "60", "--resume", "--out", "OUT"}},
		{name: "train", args: []string{"train", at("store"), "--clusters", "5", "--method", "debiased-infonce-clustering", "--epochs", "200", "--resume", "--out", "OUT"}},
		{name: "sweep", args: []string{"sweep", at("store"), "--clusters", "5", "--alpha", "0,0.3", "--seeds", "2", "--method", "debiased-infonce-clustering", "--epochs", "60", "--out", "OUT"}},
		{name: "merge", args: []string{"merge", at("parts"), "--out", "OUT"}},
		{name: "export", args: []string{"export", at("run"), "OUT/m.onnx", "--force"}},
		{name: "models import", args: []string{"models", "import", weights}, cache: true},
		{name: "models import --out", args: []string{"models", "import", weights, "--out", "OUT/m.onnx", "--force"}},
		{name: "report of two runs", args: []string{"report", at("run"), at("other"), "--out", "OUT/c.html"}},
		{name: "predict --copy-to", args: []string{"predict", at("run"), data, "--copy-to", "OUT"}},
		{name: "predict --link-to", args: []string{"predict", at("run"), data, "--link-to", "OUT"}},
		{name: "sort --copy", args: []string{"sort", at("run"), "--images", data, "--to", "OUT", "--copy"}},
	}
}

// volatile matches legitimate differences besides the times of stages: creation times and names of folders.
var volatile = regexp.MustCompile(`(?i)[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?|[^"\s<>]*/(?:whole|killed)\b|seconds?":[0-9.e+-]+`)

// tree is the content of all files below a folder, by name.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		local, _ := filepath.Rel(root, name)
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(local, "onnxruntime") || filepath.Base(filepath.Dir(name)) == "stamps" || d.Name() == "seal.json" || d.Name() == sorting.Journal {
			return nil
		}
		b, err := os.ReadFile(name)
		if strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".jsonl") {
			b = volatile.ReplaceAll(times.ReplaceAll(b, nil), nil)
		}
		files[local] = fmt.Sprintf("%d bytes, %x", len(b), sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// litter lists files left below some folders under names that only running processes may use.
func litter(roots ...string) (names []string) {
	for _, root := range roots {
		_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err == nil && (atomicfile.Temporary(name) || strings.Contains(d.Name(), ".partial")) {
				names = append(names, name)
			}
			return nil
		})
	}
	return names
}

// TestKillTable makes the table of docs/reliability.md: each command is killed at random moments and repeated until it has
// finished often enough. The final output must equal that of an undisturbed run, byte for byte, and nothing else may be left.
func TestKillTable(t *testing.T) {
	base := t.TempDir()
	rows := fixtures(t, base)
	temporary := filepath.Join(base, "tmp")
	if err := os.Mkdir(temporary, 0o755); err != nil {
		t.Fatal(err)
	}
	table := []string{"| command | kills | left between two calls | finished | final bytes | left at the end |", "|---|---|---|---|---|---|"}
	for i, row := range rows {
		home := func(name string) (cache, out string) {
			cache, out = filepath.Join(base, fmt.Sprint("cache", i), name, "cache"), filepath.Join(base, fmt.Sprint("out", i), name)
			err := os.MkdirAll(filepath.Dir(out), 0o755)
			if len(row.args) > 0 && strings.Contains(strings.Join(row.args, " "), "OUT/") {
				err = errors.Join(err, os.MkdirAll(out, 0o755))
			}
			if filled := cachetest.Fill(cache); !errors.Is(filled, fs.ErrExist) {
				err = errors.Join(err, filled)
			}
			if err != nil {
				t.Fatal(err)
			}
			return cache, out
		}
		command := func(name string) (c *exec.Cmd, cache, out string) {
			cache, out = home(name)
			var args []string
			for _, a := range row.args {
				args = append(args, strings.Replace(a, "OUT", out, 1))
			}
			c = exec.Command("pipeline", args...)
			c.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache, "TMPDIR="+temporary)
			return c, cache, out
		}
		made := func(cache, out string) map[string]string {
			if row.cache {
				return tree(t, filepath.Join(cache, "iconic", "models"))
			}
			return tree(t, out)
		}
		c, cache, out := command("whole")
		start := time.Now()
		expectSuccess(t, c)
		length := time.Since(start)
		whole := made(cache, out)
		moments := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
		finished, between, equal := 0, 0, "equal"
		compare := func(cache, out string) {
			if got := made(cache, out); !maps.Equal(got, whole) {
				equal = "**not equal**"
				for _, name := range slices.Sorted(maps.Keys(whole)) {
					if got[name] != whole[name] {
						t.Errorf("%s: %s is %q, want %q", row.name, name, got[name], whole[name])
					}
				}
				for name := range got {
					if whole[name] == "" {
						t.Errorf("%s: %s is there, too", row.name, name)
					}
				}
			}
		}
		for range *kills {
			c, cache, out := command("killed")
			var output bytes.Buffer
			c.Stdout, c.Stderr = &output, &output
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(moments.Int64N(int64(length))))
			if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			err := c.Wait()
			if err != nil && c.ProcessState.Exited() {
				t.Fatalf("%s failed: %s", row.name, output.String())
			}
			if err == nil { // it finished before the kill: start over
				finished++
				compare(cache, out)
				if err := errors.Join(os.RemoveAll(out), os.RemoveAll(filepath.Dir(cache))); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if len(litter(cache, out)) > 0 {
				between++
			}
		}
		c, cache, out = command("killed")
		if b, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s, after its kills: %v: %s", row.name, err, b)
		}
		compare(cache, out)
		left := litter(cache, out, temporary)
		if len(left) > 0 {
			t.Errorf("%s leaves %q", row.name, left)
		}
		table = append(table, fmt.Sprintf("| `%s` | %d | %d times | %d | %s | %d |", row.name, kills, between, finished, equal, len(left)))
	}
	t.Log("\n" + strings.Join(table, "\n"))
}
