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

	"iconic/internal/safetensors"
)

func main() {
	var o options
	flag.StringVar(&o.pipeline, "pipeline", "pipeline", "the command to run")
	flag.StringVar(&o.features, "features", "", "matrix of features, from which evenly spaced rows are taken")
	flag.StringVar(&o.labels, "labels", "", "labels of its rows")
	flag.IntVar(&o.rows, "rows", 1000, "rows taken")
	flag.StringVar(&o.methods, "methods", "", "methods, separated by commas (default: all)")
	flag.StringVar(&o.hold, "hold", "", "settings as name=value, separated by commas, for the methods that use them")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "numbers [flags]                     train every method and print its results")
		fmt.Fprintln(flag.CommandLine.Output(), "numbers compare BEFORE.txt AFTER.txt   join two such tables")
		flag.PrintDefaults()
	}
	flag.Parse()
	run := o.run
	switch {
	case flag.NArg() == 3 && flag.Arg(0) == "compare":
		run = func() error { return compare(os.Stdout, flag.Arg(1), flag.Arg(2)) }
	case flag.NArg() > 0:
		flag.Usage()
		os.Exit(2)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "numbers:", err)
		os.Exit(1)
	}
}

type options struct {
	pipeline, features, labels, methods, hold string
	rows                                      int
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

// held returns the arguments for the held settings that a method uses.
func (o options) held(method string) ([]string, error) {
	if o.hold == "" {
		return nil, nil
	}
	out, err := o.command("methods", method, "--json")
	if err != nil {
		return nil, err
	}
	var about struct{ Settings []struct{ Name string } }
	if err := json.Unmarshal(out, &about); err != nil {
		return nil, err
	}
	var arguments []string
	for _, setting := range strings.Split(o.hold, ",") {
		name, value, found := strings.Cut(setting, "=")
		if !found {
			return nil, fmt.Errorf("--hold %s: want a setting as name=value", setting)
		}
		for _, s := range about.Settings {
			if s.Name == name {
				arguments = append(arguments, "--"+name+"="+value)
			}
		}
	}
	return arguments, nil
}

// epochs keeps each method short; 0: it has no epochs.
var epochs = map[string]int{
	"direction-mixture": 0, "kmeans": 0, "probabilistic-kmeans": 0, "spectral": 0, "pca": 0, "turtle": 40, "tsne": 250,
	"sne": 25, "dual-tsne": 25, "doubly-tsne": 25, "sne-uniform": 25, "tsne-uniform": 25, "sne-graph": 25, "tsne-graph": 25,
}

// train runs one method and prints its line.
func (o options) train(s set, method, out string) error {
	// Arguments for only some methods come last, and are passed only to those.
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
	held, err := o.held(method)
	if err != nil {
		return err
	}
	arguments = append(arguments, held...)
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
