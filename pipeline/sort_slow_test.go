//go:build unix && slow

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iconic/features"
	"iconic/head"
	"iconic/report"
	"iconic/run"
	"iconic/sorting"
)

// listing lists all names below root with kind, time and size.
func listing(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := d.Info()
		if err == nil {
			all[name] = fmt.Sprint(stat.Mode(), stat.ModTime().UnixNano())
			if !d.IsDir() {
				all[name] += fmt.Sprint(" ", stat.Size())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A move killed at any moment can be undone to the original tree.
func TestKilledSortIsTakenBack(t *testing.T) {
	const images = 3000
	root := t.TempDir()
	photos, dir, sorted := filepath.Join(root, "photos"), filepath.Join(root, "run"), filepath.Join(root, "sorted")
	table := report.Assignments{}
	sizes := make([]int, 10)
	for i := range images {
		item := fmt.Sprintf("d%02d/%05d.png", i%30, i)
		name := filepath.Join(photos, filepath.FromSlash(item))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, fmt.Appendf(nil, "picture %d", i), 0o600)); err != nil {
			t.Fatal(err)
		}
		when := time.Date(2001, 1, 1, 0, 0, i, i, time.UTC)
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
		table.Paths, table.Cluster, table.Confidence = append(table.Paths, item), append(table.Cluster, i%7), append(table.Confidence, 1)
		sizes[i%7]++
	}
	c := head.Default(10)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err := run.Finish(dir, run.Config{Format: 1, Training: c, Features: features.Source{Images: photos, Rows: images, Dim: 4}}, &head.Result{
		Config: c, Head: &head.Ensemble{Members: 1, Dim: 4, Clusters: 10, Weight: make([]float32, 40), Bias: make([]float32, 10), Temperature: 1},
	})
	if err == nil {
		err = report.WriteMetrics(filepath.Join(dir, "metrics.json"), &report.Metrics{N: images, Clusters: 10, ClustersUsed: 7, ClusterSizes: sizes})
	}
	if err == nil {
		err = report.WriteAssignments(filepath.Join(dir, "assignments.csv"), &table)
	}
	if err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(root, "pipeline"), args...)
		return c
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(root, "pipeline"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	before := listing(t, photos)
	whole := time.Hour
	for range 3 { // the shortest, on a machine that does other things
		begun := time.Now()
		if out, err := command("sort", dir, "--to", sorted, "--move", "--yes", "-q").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		whole = min(whole, time.Since(begun))
		if out, err := command("sort", "--undo", sorted).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	cut := 0
	for range *kills {
		after := time.Duration(r.Int64N(int64(whole)))
		c := command("sort", dir, "--to", sorted, "--move", "--yes", "-q")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		if err := c.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		_ = c.Wait()
		moved := 0
		for name := range before {
			if _, err := os.Lstat(name); err != nil {
				moved++
			}
		}
		if moved > 0 && moved < images {
			cut++
		}
		if _, err := os.Lstat(filepath.Join(sorted, sorting.Journal)); err == nil {
			undo := command("sort", "--undo", sorted) // killed, too
			if err := undo.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(r.Int64N(int64(whole))))
			_ = undo.Process.Kill()
			_ = undo.Wait()
			if _, err := os.Lstat(filepath.Join(sorted, sorting.Journal)); err == nil {
				if out, err := command("sort", "--undo", sorted).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
		}
		if diff := cmp.Diff(before, listing(t, photos)); diff != "" {
			t.Fatalf("killed after %s with %d moved, and undone, the tree differs: %s", after, moved, diff)
		}
	}
	if cut < *kills/4 {
		t.Errorf("only %d of %d kills happened between the first move and the last", cut, *kills)
	}
	t.Logf("%d of %d kills interrupted a sorting of %s halfway", cut, *kills, whole)
}
