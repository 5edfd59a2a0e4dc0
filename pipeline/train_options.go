package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/report"
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

func (o *trainOptions) register(c *cobra.Command) {
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
	f.StringVar(&o.second, "second", "", "second store or features.npy of the same images: clip pairs the two, the default looks for clusters in both")
	f.StringVar(&o.edges, "graph", "", "CSV file of edges, lines as from,to or from,to,weight by row number, for sne-graph and tsne-graph")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything random")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "processors to use (default: all); it changes no bit of the result")
	f.BoolVar(&o.resume, "resume", false, "go on with an interrupted training in --out")
	addCSVSafe(f, &o.csvSafe)
}

// auto tells whether the number of clusters is to be found.
func (o *trainOptions) auto() bool {
	return slices.ContainsFunc(o.settings, func(s *chosen) bool { return s.setting.Name == "clusters" && s.value == run.AutoClusters })
}

// counted looks for the number of clusters where that is asked for, and sets it.
func (a *app) counted(ctx context.Context, set *features.Set, out string, o *trainOptions) (*clustercount.Suggestion, error) {
	if !o.auto() {
		return nil, nil
	}
	found, err := run.CountClusters(ctx, run.Count{Dir: out, Features: set, Seed: o.seed, Workers: o.workers, Hooks: a.hooks()})
	a.endStage()
	if err != nil {
		return nil, err
	}
	a.note("%s", found.Sentence())
	for _, s := range o.settings {
		if s.setting.Name == "clusters" {
			s.value = strconv.Itoa(found.Clusters)
		}
	}
	return found, nil
}

// config is the method's preset under the flags that were given, for so many images in so many classes. The notes say which defaults
// were lowered for a small set.
func (o *trainOptions) config(images, classes int) (head.Config, []string, error) {
	values := map[string]string{}
	for _, s := range o.settings {
		if s.given {
			values[s.setting.Name] = s.value
		}
		if s.value == run.AutoClusters && s.setting.Name == "clusters" { // not found yet: all else is judged by the fewest
			values["clusters"] = "2"
		}
	}
	c, notes, err := run.Configure(values, o.seed, images, classes)
	if err != nil && !errors.Is(err, run.ErrClusters) { // which has a remedy of its own
		err = usageError{err}
	}
	return c, notes, err
}

// trainSet trains on a set and writes the whole run folder.
func (a *app) trainSet(ctx context.Context, set *features.Set, out string, o *trainOptions) (*report.Metrics, error) {
	if set.Gone > 0 {
		a.note("%s keeps the features of %d images that the data no longer has: they are left out", set.Source.Store, set.Gone)
	}
	found, err := a.counted(ctx, set, out, o)
	if err != nil {
		return nil, err
	}
	c, notes, err := o.config(set.Len(), len(set.Classes))
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		a.note("%s", n)
	}
	t := run.Training{Dir: out, Features: set, Config: c, Counted: found, Images: o.images, ImageColumn: o.imageColumn, Resume: o.resume, Workers: o.workers, Safe: o.csvSafe, Hooks: a.hooks()}
	if o.edges != "" {
		if t.Edges, err = run.ReadEdges(o.edges); err != nil {
			return nil, usageError{err}
		}
	}
	if o.second != "" {
		if t.Second, err = features.Open(o.second, ""); err != nil {
			return nil, err
		}
		defer t.Second.Close()
	}
	if err := t.Validate(); err != nil {
		return nil, usageError{err}
	}
	m, err := t.Train(ctx)
	a.endStage()
	if err != nil {
		return nil, err
	}
	a.formulas(filepath.Join(out, "assignments.csv"), t.Formulas, o.csvSafe)
	return m, run.WritePage(ctx, out, set, run.PageOptions{Workers: o.workers, Hooks: a.hooks()})
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
