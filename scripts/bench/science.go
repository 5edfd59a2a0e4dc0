package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"iconic/head"
	"iconic/head/kmeans"
	"iconic/head/methods"
	"iconic/internal/dense"
	"iconic/internal/npy"
	"iconic/report"
)

// scienceOptions choose what `bench science` runs.
type scienceOptions struct {
	sets, methods string // comma-separated names; all sets but the largest, and the default beside k-means, when empty
	seeds         int
	held          float64 // share of the rows that is kept from the training and scored apart; 0: none
	extra         string  // further sets, name=features.npy:labels.npy, separated by commas
}

// drawn is a set of labelled features.
type drawn struct {
	name    string
	x       *dense.Rows
	labels  []int
	classes int
}

// setNames are the sets in the order of the table. Subsets are drawn by a seed of their own, the same in every run.
var setNames = []string{"cifar100-train", "cifar100-test", "superclasses", "ten-1", "ten-2", "ten-3", "tail-10", "tail-50", "tail-100"}

// draw makes the set of a name from the features in a folder.
func draw(folder, name string) (*drawn, error) {
	split, labels := "train", "labels"
	switch name {
	case "cifar100-test":
		split = "test"
	case "superclasses":
		split, labels = "test", "superclasses"
	}
	d, err := readSet(name, filepath.Join(folder, "cifar100-"+split+".features.npy"), filepath.Join(folder, "cifar100-"+split+"."+labels+".npy"))
	if err != nil {
		return nil, err
	}
	kind, number, _ := strings.Cut(name, "-")
	var of int
	if _, err := fmt.Sscan(number, &of); err != nil {
		return d, nil // a whole set
	}
	r := rand.New(rand.NewPCG(uint64(of), 0x647261776e))
	order := r.Perm(d.classes)
	quota := make([]int, d.classes)
	switch kind {
	case "ten":
		for _, c := range order[:10] {
			quota[c] = d.x.Len()
		}
	case "tail":
		for at, c := range order {
			quota[c] = int(math.Round(500 * math.Pow(float64(of), -float64(at)/float64(d.classes-1))))
		}
	}
	return d.keep(r, quota), nil
}

func readSet(name, features, labels string) (*drawn, error) {
	f, err := npy.Open(features)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &drawn{name: name, x: dense.New(f.Len(), f.Dim())}
	if err := f.Block(d.x.X, 0, f.Len()); err != nil {
		return nil, err
	}
	if d.labels, err = npy.ReadInts(labels); err != nil {
		return nil, err
	}
	d.classes = slices.Max(d.labels) + 1
	return d, nil
}

// keep draws as many rows of each class as its quota says, and numbers the classes that are left anew.
func (d *drawn) keep(r *rand.Rand, quota []int) *drawn {
	name := make([]int, d.classes)
	kept := &drawn{name: d.name, x: &dense.Rows{Width: d.x.Width}}
	for c, q := range quota {
		if name[c] = kept.classes; q > 0 {
			kept.classes++
		}
	}
	rows := r.Perm(d.x.Len())
	var chosen []int
	for _, i := range rows {
		if c := d.labels[i]; quota[c] > 0 {
			quota[c]--
			chosen = append(chosen, i)
		}
	}
	slices.Sort(chosen)
	for _, i := range chosen {
		kept.x.X = append(kept.x.X, d.x.Row(i)...)
		kept.labels = append(kept.labels, name[d.labels[i]])
	}
	return kept
}

// split parts a share of the rows off.
func (d *drawn) split(share float64) (rest, held *drawn) {
	r := rand.New(rand.NewPCG(7, 0x68656c64))
	rest, held = &drawn{name: d.name, x: &dense.Rows{Width: d.x.Width}, classes: d.classes}, &drawn{name: d.name, x: &dense.Rows{Width: d.x.Width}, classes: d.classes}
	for i, c := range d.labels {
		to := rest
		if r.Float64() < share {
			to = held
		}
		to.x.X = append(to.x.X, d.x.Row(i)...)
		to.labels = append(to.labels, c)
	}
	return rest, held
}

// score of one run.
type outcome struct {
	accuracy, nmi, ari, ece, expected, seconds, unseen, unseenECE float64
}

type soft interface {
	Probabilities(dst, x []float32, n int) error
}

// scored scores a classifier on a set, with the clusters' classes as mapped, or fitted here where mapping is nil.
func scored(ctx context.Context, d *drawn, c soft, workers int, mapping []int) (*report.Metrics, error) {
	in := report.Input{Clusters: d.classes, Items: d.x.Len(), Labels: d.labels, Resamples: 2, Workers: workers, Mapping: mapping,
		Probabilities: func(dst []float64, lo, hi int) error {
			p := make([]float32, len(dst))
			if err := c.Probabilities(p, d.x.X[lo*d.x.Width:hi*d.x.Width], hi-lo); err != nil {
				return err
			}
			for i, v := range p {
				dst[i] = float64(v)
			}
			return nil
		}}
	if mapping != nil {
		in.FittedOn = "train"
	}
	if err := in.Assign(ctx); err != nil {
		return nil, err
	}
	return report.Score(ctx, in)
}

// try runs one method on one set.
func try(ctx context.Context, d, held *drawn, method string, seed uint64, workers int) (o outcome, err error) {
	var c soft
	began := time.Now()
	o.expected = math.NaN()
	name, sizes, _ := strings.Cut(method, ":")
	if name == "k-means" {
		c, err = kmeans.Cluster(ctx, d.x, kmeans.Options{Clusters: d.classes, Starts: 3, Seed: seed, Workers: workers})
	} else {
		var config head.Config
		if config, err = head.Preset(name, d.classes); err != nil {
			return o, err
		}
		if config.Seed = seed; sizes != "" {
			if err = config.Set("sizes", sizes); err != nil {
				return o, err
			}
		}
		var r *head.Result
		if r, err = head.Train(ctx, d.x, head.Inputs{}, config, head.Options{Workers: workers}); err == nil {
			if c = r.Head; r.Expected > 0 {
				o.expected = r.Expected
			}
			for _, n := range r.Notes {
				fmt.Fprintln(os.Stderr, "   ", n)
			}
		}
	}
	if err != nil {
		return o, fmt.Errorf("%s on %s: %w", method, d.name, err)
	}
	o.seconds = time.Since(began).Seconds()
	m, err := scored(ctx, d, c, workers, nil)
	if err != nil {
		return o, err
	}
	o.accuracy, o.nmi, o.ari, o.ece = float64(m.Accuracy), float64(m.NMI), float64(m.ARI), float64(m.ECE)
	if held != nil {
		u, err := scored(ctx, held, c, workers, m.Matching.ClassOfCluster)
		if err != nil {
			return o, err
		}
		o.unseen, o.unseenECE = float64(u.Accuracy), float64(u.ECE)
	}
	return o, nil
}

// science runs methods on sets over seeds, and tells the medians.
func science(ctx context.Context, o options) (string, error) {
	names := setNames[1:]
	if o.science.sets != "" {
		names = strings.Split(o.science.sets, ",")
	}
	compared := []string{"k-means", methods.Default}
	if o.science.methods != "" {
		compared = strings.Split(o.science.methods, ",")
	}
	extra := map[string][2]string{}
	for _, e := range strings.Split(o.science.extra, ",") {
		if name, files, found := strings.Cut(e, "="); found {
			features, labels, _ := strings.Cut(files, ":")
			extra[name] = [2]string{features, labels}
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Medians over %d seeds, %d threads.\n\n", o.science.seeds, o.workers)
	head := "| set | method | accuracy | least | NMI | ARI | ECE | expected | s |"
	rule := "|---|---|---|---|---|---|---|---|---|"
	if o.science.held > 0 {
		head, rule = head+" unseen rows: accuracy | ECE |", rule+"---|---|"
	}
	fmt.Fprintf(&text, "%s\n%s\n", head, rule)
	for _, name := range names {
		var d, held *drawn
		var err error
		if files, found := extra[name]; found {
			d, err = readSet(name, files[0], files[1])
		} else {
			d, err = draw(filepath.Join(o.shared, "features"), name)
		}
		if err != nil {
			return "", err
		}
		if o.science.held > 0 {
			d, held = d.split(o.science.held)
		}
		for _, method := range compared {
			var all []outcome
			for seed := range o.science.seeds {
				one, err := try(ctx, d, held, method, uint64(seed), o.workers)
				if err != nil {
					return "", err
				}
				fmt.Fprintf(os.Stderr, "%s %s %d: %+.4f\n", name, method, seed, one)
				all = append(all, one)
			}
			text.WriteString(row(d, method, all, held != nil))
		}
	}
	return text.String(), nil
}

// row is a line of the table.
func row(d *drawn, method string, all []outcome, held bool) string {
	middle := func(of func(outcome) float64) float64 {
		var x []float64
		for _, o := range all {
			x = append(x, of(o))
		}
		slices.Sort(x)
		return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
	}
	least := math.Inf(1)
	for _, o := range all {
		least = min(least, o.accuracy)
	}
	expected := "–"
	if e := middle(func(o outcome) float64 { return o.expected }); !math.IsNaN(e) {
		expected = fmt.Sprintf("%.3f", e)
	}
	line := fmt.Sprintf("| %s (%d; %d) | %s | %.3f | %.3f | %.3f | %.3f | %.3f | %s | %.0f |", d.name, d.x.Len(), d.classes, method,
		middle(func(o outcome) float64 { return o.accuracy }), least, middle(func(o outcome) float64 { return o.nmi }), middle(func(o outcome) float64 { return o.ari }),
		middle(func(o outcome) float64 { return o.ece }), expected, middle(func(o outcome) float64 { return o.seconds }))
	if held {
		line += fmt.Sprintf(" %.3f | %.3f |", middle(func(o outcome) float64 { return o.unseen }), middle(func(o outcome) float64 { return o.unseenECE }))
	}
	return line + "\n"
}
