package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic"
	"iconic/features"
	"iconic/run"
)

// trainOptions are the training settings shared by train, run and demo.
type trainOptions struct {
	settings    []*chosen
	seed        uint64
	workers     int
	resume      bool
	second      string // second store or matrix, for methods that use pairs
	edges       string // file of graph edges, for methods that lay out a graph
	images      string // the data set that the features came from; empty: unknown
	imageColumn string // image column of a Parquet data set; empty: found automatically
	csvSafe     bool
}

// register adds the flags for training on the user's data.
func (o *trainOptions) register(c *cobra.Command) {
	o.registerSettings(c)
	f := c.Flags()
	f.StringVar(&o.second, "second", "", "second store or features.npy of the same images: clip pairs the two; the default method uses both to find clusters")
	f.StringVar(&o.edges, "graph", "", "CSV file of edges between rows, with lines such as 3,17 or 3,17,0.5 (from, to, weight), which make row 17 a neighbour of row 3, but not the reverse; for sne-graph and tsne-graph")
	f.BoolVar(&o.resume, "resume", false, "continue an interrupted training in --out; a finished one is left unchanged")
	addCSVSafe(f, &o.csvSafe)
}

// registerSettings adds the flags common to every training.
func (o *trainOptions) registerSettings(c *cobra.Command) {
	f := c.Flags()
	o.settings = nil
	for _, s := range run.Settings() {
		option := &chosen{setting: s}
		o.settings = append(o.settings, option)
		flag := f.VarPF(option, s.Name, shorthand(s), s.Usage)
		if option.IsBoolFlag() {
			flag.NoOptDefVal = "true"
		}
	}
	seed(f, &o.seed, "seed", "seed for all random numbers")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "number of CPUs to use (default: all); the result is the same, bit for bit")
}

// training converts the flags to library options. done closes the files that it opened.
func (o *trainOptions) training(a *app, out string) (t iconic.Training, done func(), err error) {
	t = iconic.Training{
		Out: out, Settings: map[string]string{}, Seed: o.seed, Resume: o.resume, Workers: o.workers, Images: o.images, ImageColumn: o.imageColumn,
		Safe: o.csvSafe, Formulas: func(cells int) { a.formulas(filepath.Join(out, "assignments.csv"), cells, o.csvSafe) }, Hooks: a.hooks(),
	}
	for _, s := range o.settings {
		if s.given {
			t.Settings[s.setting.Name] = s.value
		}
	}
	done = func() {}
	if o.edges != "" {
		if t.Edges, err = run.ReadEdges(o.edges); err != nil {
			return t, done, usageError{err}
		}
	}
	if o.second != "" {
		if t.Second, err = features.Open(o.second, ""); err != nil {
			return t, done, err
		}
		done = func() { _ = t.Second.Close() } // it was only read
	}
	return t, done, nil
}

// chosen is a setting as a flag with one value, parsed when it is given.
type chosen struct {
	setting run.Setting
	value   string
	given   bool
}

// Set stores a value that the setting can parse; a second, different one is refused. Whether the method uses the setting is checked later.
func (o *chosen) Set(v string) error {
	if err := o.setting.Parse(v); err != nil {
		return err
	}
	if o.given && v != o.value {
		return fmt.Errorf("%s was already given as %s: give it once", o.setting.Name, o.value)
	}
	o.value, o.given = v, true
	return nil
}

func (o *chosen) String() string { return o.value }

// Type is the type name shown in the flag's help.
func (o *chosen) Type() string { return o.setting.Kind }

// IsBoolFlag lets a boolean setting be given without a value.
func (o *chosen) IsBoolFlag() bool { return o.setting.Kind == "bool" }

// shorthand is the one-letter flag of a setting; "" for most.
func shorthand(s run.Setting) string {
	if s.Name == "clusters" {
		return "k"
	}
	return ""
}
