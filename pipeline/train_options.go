package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic"
	"iconic/features"
	"iconic/run"
)

// trainOptions are the settings of a training, shared by train, run and demo.
type trainOptions struct {
	settings    []*chosen
	seed        uint64
	workers     int
	resume      bool
	second      string // store or matrix of the other side, for methods that pair
	edges       string // file of a graph's edges, for methods that lay one out
	images      string // the data set that the features are of; empty: not known
	imageColumn string // of a Parquet data set, where it had to be named
	csvSafe     bool
}

// register adds the flags of a training on data of the user's.
func (o *trainOptions) register(c *cobra.Command) {
	o.registerSettings(c)
	f := c.Flags()
	f.StringVar(&o.second, "second", "", "second store or features.npy of the same images: clip pairs the two; the default method looks for clusters in both")
	f.StringVar(&o.edges, "graph", "", "CSV file of edges between rows, lines such as 3,17 or 3,17,0.5 (from, to, weight), for sne-graph and tsne-graph")
	f.BoolVar(&o.resume, "resume", false, "go on with an interrupted training in --out; a finished one stays as it is")
	addCSVSafe(f, &o.csvSafe)
}

// registerSettings adds the flags that any training has.
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
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything random")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "processors to use (default: all); the result is the same, bit for bit")
}

// training is the flags as the library takes them. done closes what was opened for it.
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

// chosen is a setting as a flag of one value, understood when it is given.
type chosen struct {
	setting run.Setting
	value   string
	given   bool
}

// Set keeps a value that the setting can understand. Whether the method reads it is judged later.
func (o *chosen) Set(v string) error {
	if err := o.setting.Parse(v); err != nil {
		return err
	}
	o.value, o.given = v, true
	return nil
}

func (o *chosen) String() string { return o.value }

// Type is the word that the flag's help shows.
func (o *chosen) Type() string { return o.setting.Kind }

// IsBoolFlag lets a setting that is true or false stand without a value.
func (o *chosen) IsBoolFlag() bool { return o.setting.Kind == "bool" }

// shorthand is the one-letter flag of a setting; "" for most.
func shorthand(s run.Setting) string {
	if s.Name == "clusters" {
		return "k"
	}
	return ""
}
