// Numbers trains every method for a few steps and prints what each ends with: loss, accuracy, and a hash of the head's bits. Two
// builds of the command whose tables are the same learn the same.
//
//	go build -o old ./pipeline                    # before a change
//	go run ./scripts/numbers --pipeline ./old --features cifar100-test.features.npy --labels cifar100-test.superclasses.npy > old.txt
//	go run ./scripts/numbers --pipeline ./new … | diff old.txt -
//
// It drives the command, not its packages, so that it outlives any change of theirs. Sets: a subsample of the features given, and
// the demo's pictures in two views.
package main

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/npy"
	"iconic/internal/safetensors"
)

func main() {
	var o options
	flag.StringVar(&o.pipeline, "pipeline", "pipeline", "the command to drive")
	flag.StringVar(&o.features, "features", "", "matrix of features, of which every few rows are taken")
	flag.StringVar(&o.labels, "labels", "", "labels of its rows")
	flag.IntVar(&o.rows, "rows", 1000, "rows taken")
	flag.StringVar(&o.methods, "methods", "", "methods, separated by commas (default: all)")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "numbers:", err)
		os.Exit(1)
	}
}

type options struct {
	pipeline, features, labels, methods string
	rows                                int
}

// set is what methods are trained on.
type set struct {
	name  string
	given []string // arguments of train
	views bool
}

func (o options) run() error {
	folder, err := os.MkdirTemp("", "numbers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var sets []set
	if o.features != "" {
		s, err := o.subsample(folder)
		if err != nil {
			return err
		}
		sets = append(sets, s)
	}
	demo, err := o.demo(folder)
	if err != nil {
		return err
	}
	sets = append(sets, demo)
	methods, err := o.names()
	if err != nil {
		return err
	}
	fmt.Printf("%-14s %-28s %12s %9s  %s\n", "set", "method", "loss", "accuracy", "bits of the head")
	for _, s := range sets {
		for _, m := range methods {
			if m == "cmc" && !s.views {
				continue
			}
			if err := o.train(s, m, filepath.Join(folder, s.name+"-"+m)); err != nil {
				return fmt.Errorf("%s: %w", m, err)
			}
		}
	}
	return nil
}

// command runs the pipeline quietly.
func (o options) command(arguments ...string) ([]byte, error) {
	out, err := exec.Command(o.pipeline, arguments...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%s: %s", strings.Join(arguments, " "), failed.Stderr)
	}
	return out, err
}

func (o options) names() ([]string, error) {
	if o.methods != "" {
		return strings.Split(o.methods, ","), nil
	}
	out, err := o.command("methods", "--json")
	if err != nil {
		return nil, err
	}
	var list []struct{ Name string }
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names, nil
}

// edges joins each row with three others, seed-free.
func edges(name string, n int) error {
	var text strings.Builder
	for i := range n {
		for _, step := range []int{1, 7, 23} {
			fmt.Fprintf(&text, "%d,%d\n", i, (i+step)%n)
		}
	}
	return os.WriteFile(name, []byte(text.String()), 0o600)
}

// demo draws the demo's pictures and encodes two views of each.
func (o options) demo(folder string) (set, error) {
	drawn, store, graph := filepath.Join(folder, "demo"), filepath.Join(folder, "store"), filepath.Join(folder, "demo.csv")
	if _, err := o.command("demo", "--out", drawn, "-q"); err != nil {
		return set{}, err
	}
	if _, err := o.command("extract", filepath.Join(drawn, "pictures"), "--model", "tiny", "--views", "2", "--out", store, "-q"); err != nil {
		return set{}, err
	}
	given := []string{store, "--second", store, "--graph", graph}
	return set{"demo", given, true}, edges(graph, 600)
}

// subsample takes every few rows of the matrix.
func (o options) subsample(folder string) (set, error) {
	f, err := npy.Open(o.features)
	if err != nil {
		return set{}, err
	}
	defer f.Close()
	labels, err := npy.ReadInts(o.labels)
	if err != nil {
		return set{}, err
	}
	n, d := min(o.rows, f.Len()), f.Dim()
	rows, own := make([]int32, n), make([]int, n)
	for i := range rows {
		rows[i] = int32(i * f.Len() / n)
		own[i] = labels[rows[i]]
	}
	x := make([]float32, n*d)
	if err := f.Gather(x, rows); err != nil {
		return set{}, err
	}
	features, names, graph := filepath.Join(folder, "x.npy"), filepath.Join(folder, "y.npy"), filepath.Join(folder, "x.csv")
	given := []string{features, "--labels", names, "--second", features, "--graph", graph}
	return set{"features", given, false}, errors.Join(npy.Write(features, []int{n, d}, x), npy.WriteInts(names, own), edges(graph, n))
}

// epochs keeps each method short; 0: it has none.
var epochs = map[string]int{
	"direction-mixture": 0, "kmeans": 0, "probabilistic-kmeans": 0, "spectral": 0, "pca": 0, "turtle": 40, "tsne": 250,
	"sne": 25, "dual-tsne": 25, "doubly-tsne": 25, "sne-uniform": 25, "tsne-uniform": 25, "sne-graph": 25, "tsne-graph": 25,
}

// train runs one method and prints its line.
func (o options) train(s set, method, out string) error {
	// What only some methods read comes last, and goes to those alone.
	given := slices.Clone(s.given)
	for name, readers := range map[string][]string{"--second": {"clip"}, "--graph": {"sne-graph", "tsne-graph"}} {
		if at := slices.Index(given, name); !slices.Contains(readers, method) {
			given = slices.Delete(given, at, at+2)
		}
	}
	arguments := append([]string{"train"}, given...)
	arguments = append(arguments, "--method", method, "--out", out, "-q")
	few, listed := epochs[method]
	if !listed {
		few = 4
	}
	if few > 0 {
		arguments = append(arguments, "--epochs", fmt.Sprint(few))
	}
	if _, err := o.command(arguments...); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(out, "metrics.json"))
	if err != nil {
		return err
	}
	var scores struct{ Loss, Accuracy *float64 }
	if err := json.Unmarshal(b, &scores); err != nil {
		return err
	}
	f, err := safetensors.Open(filepath.Join(out, "head.safetensors"))
	if err != nil {
		return err
	}
	defer f.Close()
	hash := xxhash.New()
	for _, name := range []string{"weight", "bias"} {
		x, err := f.Float32(name)
		if err != nil {
			return err
		}
		if err := binary.Write(hash, binary.LittleEndian, x); err != nil {
			return err
		}
	}
	nan := math.NaN()
	fmt.Printf("%-14s %-28s %12.8g %9.5f  %016x\n", s.name, method, *cmp.Or(scores.Loss, &nan), *cmp.Or(scores.Accuracy, &nan), hash.Sum64())
	return nil
}
