package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"iconic/extract/synthetic"
	"iconic/report"
)

// Two to ten images of two kinds work with the defaults, which shrink and say so; if a kind has at least two images, it is a cluster.
func TestSetsOfAFewImages(t *testing.T) {
	drawn := t.TempDir()
	if err := synthetic.Write(t.Context(), drawn, 5, 32, 1); err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 10; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			folder := t.TempDir()
			at := func(name string) string { return filepath.Join(folder, name) }
			if err := os.Mkdir(at("data"), 0o755); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				kind := []string{"disc", "cross"}[i%2]
				name := fmt.Sprintf("%s-%04d.png", kind, i/2)
				if err := os.Link(filepath.Join(drawn, kind, name), at("data/"+name)); err != nil {
					t.Fatal(err)
				}
			}
			command := func(args ...string) string {
				t.Helper()
				c := exec.CommandContext(t.Context(), "pipeline", args...)
				c.Dir = folder
				said, err := c.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, said)
				}
				return string(said)
			}
			neighbours := max(1, n/2-1)
			note := fmt.Sprintf("neighbours is %d instead of 10 for %d images in 2 clusters: at most the images of a cluster of equal size, minus one", neighbours, n)
			if said := command("run", "data", "--model", "tiny", "--clusters", "2", "--features", "features", "--method", "debiased-infonce-clustering", "--out", "a"); !strings.Contains(said, note) {
				t.Errorf("%s\nwant %q in it", said, note)
			}
			if said := command("train", "features", "--clusters", "2", "--method", "tsne", "--out", "b"); !strings.Contains(said, fmt.Sprintf("perplexity is %d instead of 30", max(1, (n-1)/3))) {
				t.Errorf("t-SNE: %s", said)
			}
			if said := command("train", "features", "--clusters", "2", "--method", "debiased-infonce-clustering", "--epochs", "1", "--heads", "1", "--neighbours", fmt.Sprint(n-1), "--out", "c"); strings.Contains(said, "neighbours is") {
				t.Errorf("requested neighbours: %s", said)
			}
			command("train", "features", "--clusters", "2", "--out", "d")
			for _, run := range []string{"a", "b", "c", "d"} {
				table, err := report.ReadAssignments(filepath.Join(at(run), "assignments.csv"), nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat(filepath.Join(at(run), "report.html")); err != nil || len(table.Paths) != n {
					t.Errorf("run %s: %d of %d images, %v", run, len(table.Paths), n, err)
				}
				if run != "a" || n < 4 { // an image alone has a neighbour of the other kind
					continue
				}
				kinds := map[string]int{}
				for i, path := range table.Paths {
					kind, _, _ := strings.Cut(path, "-")
					if c, seen := kinds[kind]; seen && c != table.Cluster[i] {
						t.Errorf("%s is in cluster %d, others of its kind in %d", path, table.Cluster[i], c)
					}
					kinds[kind] = table.Cluster[i]
				}
				if kinds["disc"] == kinds["cross"] {
					t.Error("both kinds are in one cluster")
				}
			}
		})
	}
}
