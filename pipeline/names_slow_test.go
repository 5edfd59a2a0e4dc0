//go:build slow

package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"iconic/internal/npy"
	"iconic/internal/sharedtest"
	"iconic/report"
)

// nameSeeds is the number of seeds per method: enough to detect a broken rule, not to estimate how often clusters have names.
const nameSeeds = 1

// longTail returns how many images to keep of each of k classes: all of the first, then fewer and fewer.
func longTail(most, k int) []int {
	keep := make([]int, k)
	for c := range keep {
		keep[c] = max(3, most/(1+8*c/k))
	}
	return keep
}

// heldNames counts the named clusters of a run, and fails if a cluster is named after a class that is not its most frequent one or
// does not reach the share required for a name.
func heldNames(t *testing.T, run string) (named, numbered int) {
	t.Helper()
	f, err := os.Open(filepath.Join(run, "assignments.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	label, cluster, name := slices.Index(lines[0], "label"), slices.Index(lines[0], "cluster"), slices.Index(lines[0], "name")
	count, called, classes := map[string]map[string]int{}, map[string]string{}, map[string]bool{}
	for _, line := range lines[1:] {
		c := line[cluster]
		if count[c] == nil {
			count[c] = map[string]int{}
		}
		count[c][line[label]]++
		called[c], classes[line[label]] = line[name], true
	}
	for c, of := range count {
		all, most, best := 0, 0, ""
		for class, n := range of {
			if all += n; n > most {
				most, best = n, class
			}
		}
		share := float64(most) / float64(all)
		name := called[c]
		if name == "" {
			if share > report.NamedAbove {
				t.Errorf("%s: cluster %s has no name, and %.0f %% of it are %s", run, c, 100*share, best)
			}
			continue
		}
		named++
		base := name
		if !classes[name] {
			base = name[:strings.LastIndex(name, " ")]
			numbered++
		}
		if base != best || share <= report.NamedAbove {
			t.Errorf("%s: cluster %s is called %s, and %.0f %% of it are %s", run, c, name, 100*share, best)
		}
	}
	return named, numbered
}

// No cluster of an imbalanced set is named after a class that is not its most frequent one, whichever method made it.
func TestNamesOfLongTails(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	if out, err := exec.Command("go", "build", "-o", at("pipeline"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pipeline := func(t *testing.T, args ...string) string {
		t.Helper()
		out, err := exec.Command(at("pipeline"), args...).CombinedOutput()
		if err != nil {
			t.Fatalf("pipeline %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	t.Run("CIFAR-100", func(t *testing.T) {
		shared := sharedtest.Path(t, "features")
		all, err := npy.ReadInts(filepath.Join(shared, "cifar100-test.labels.npy"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := npy.Open(filepath.Join(shared, "cifar100-test.features.npy"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		keep := longTail(100, 100)
		var rows []int32
		var labels []int
		for i, class := range all {
			if keep[class] > 0 {
				keep[class]--
				rows, labels = append(rows, int32(i)), append(labels, class)
			}
		}
		x := make([]float32, len(rows)*f.Dim())
		if err := f.Gather(x, rows); err != nil {
			t.Fatal(err)
		}
		if err := npy.Write(at("x.npy"), []int{len(rows), f.Dim()}, x); err != nil {
			t.Fatal(err)
		}
		if err := npy.WriteInts(at("y.npy"), labels); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"direction-mixture", "debiased-infonce-clustering", "kmeans"} {
			for seed := range nameSeeds {
				run := at(fmt.Sprint(method, seed))
				pipeline(t, "train", at("x.npy"), "--labels", at("y.npy"), "--clusters", "100", "--method", method, "--seed", strconv.Itoa(seed), "--out", run, "-q")
				named, numbered := heldNames(t, run)
				t.Logf("%s, seed %d: %d of 100 clusters of %d images are named, %d of them after a class that names others, too", method, seed, named, len(rows), numbered)
				if named < 20 {
					t.Errorf("only %d clusters are named", named)
				}
			}
		}
	})
	t.Run("photographs", func(t *testing.T) {
		photos := sharedtest.Path(t, "data", "photos")
		model := sharedtest.Path(t, "models", "vit_tiny_patch16_224_cls.onnx")
		classes, err := filepath.Glob(filepath.Join(photos, "*"))
		if err != nil || len(classes) != 10 {
			t.Fatalf("%d classes, %v", len(classes), err)
		}
		for c, keep := range longTail(50, len(classes)) {
			files, err := filepath.Glob(filepath.Join(classes[c], "*"))
			if err != nil {
				t.Fatal(err)
			}
			to := at(filepath.Join("photos", filepath.Base(classes[c])))
			if err := os.MkdirAll(to, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, file := range files[:keep] {
				if err := os.Symlink(file, filepath.Join(to, filepath.Base(file))); err != nil {
					t.Fatal(err)
				}
			}
		}
		for seed := range nameSeeds {
			run := at(fmt.Sprint("photos", seed))
			pipeline(t, "run", at("photos"), "--model", model, "--resize", "248", "--crop", "224", "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5",
				"--method", "debiased-infonce-clustering", "--clusters", "15", "--seed", strconv.Itoa(seed), "--features", at("store"), "--out", run, "-q")
			named, numbered := heldNames(t, run)
			t.Logf("seed %d: %d of 15 clusters are named, %d of them after a class that names others, too", seed, named, numbered)
			if numbered == 0 {
				t.Error("no class fills two clusters: this shows nothing")
			}
		}
	})
}
