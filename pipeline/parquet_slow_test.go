//go:build linux && slow

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"iconic/extract/dataset"
	"iconic/internal/onnxtest"
	"iconic/internal/parquet/hubfile"
	"iconic/internal/sharedtest"
)

// TestParquetGivesTheFeaturesOfTheArchive extracts CIFAR-100's test set from its archive and from a Parquet file of the same images
// in the same order, and expects identical features, and not much less memory for the first 1,000 rows than for all 10,000.
func TestParquetGivesTheFeaturesOfTheArchive(t *testing.T) {
	archive := sharedtest.Path(t, "data", "cifar100-test.tar")
	set, err := dataset.Open(t.Context(), archive, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	file := func(n int) string {
		name := filepath.Join(t.TempDir(), fmt.Sprintf("test-%d.parquet", n))
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		err = hubfile.Write(f, set.Classes, 500, func(yield func(hubfile.Row, error) bool) {
			for i := range n {
				content, err := set.Read(i, nil)
				if !yield(hubfile.Row{Content: content, Path: set.Items[i].Path, Label: set.Items[i].Label}, err) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return name
	}
	model := onnxtest.Pooling(224, 56).Write(t)
	store := func(data string) (folder string, peak float64) {
		folder = filepath.Join(t.TempDir(), "store")
		c := extraction{data, model}.command(folder)
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		return folder, float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024 // MB
	}
	want, _ := store(archive)
	got, many := store(file(len(set.Items)))
	shards, err := filepath.Glob(filepath.Join(want, "features-*.npy"))
	if err != nil || len(shards) == 0 {
		t.Fatalf("%d shards, %v", len(shards), err)
	}
	for _, shard := range shards {
		a, err := os.ReadFile(shard)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(got, filepath.Base(shard))); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", filepath.Base(shard), err)
		}
	}
	_, few := store(file(1000))
	t.Logf("1,000 rows: %.1f MB; 10,000 rows: %.1f MB, %.3f times as much", few, many, many/few)
	if each := (many - few) * 1024 / 9_000; each > 2 {
		t.Errorf("%.1f MB for 10,000 rows where 1,000 took %.1f: %.1f KB for each further row", many, few, each)
	}
}
