package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/distributions"
	"iconic/features"
	"iconic/run"
)

// plotOptions are the flags of methods NAME --plot.
type plotOptions struct {
	file     string
	features string
	labels   string
	second   string
	edges    string
	point    int
	seed     uint64
	workers  int
	settings []*chosen
}

func (o *plotOptions) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.file, "plot", "", "plot p and q of the method around a point, as a page (FILE.html) or an image (FILE.svg)")
	f.StringVar(&o.features, "features", "", "feature store or features.npy with the rows to plot (default: generated points in the plane)")
	f.IntVar(&o.point, "point", distributions.MadePoints/2, "row around which p and q are plotted")
	f.StringVar(&o.labels, "labels", "", "labels of a features.npy, for supervised methods")
	f.StringVar(&o.second, "second", "", "second store or features.npy of the same images, for methods that use pairs")
	f.StringVar(&o.edges, "graph", "", "CSV file of edges between rows, with lines such as 3,17 or 3,17,0.5 (from, to, weight), which make row 17 a neighbour of row 3, but not the reverse; for sne-graph and tsne-graph")
	seed(f, &o.seed, "seed", "seed for all random numbers")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "number of CPUs to use (default: all)")
	for _, s := range run.Settings() {
		if s.Name == "method" { // given as NAME
			continue
		}
		option := &chosen{setting: s}
		o.settings = append(o.settings, option)
		flag := f.VarPF(option, s.Name, shorthand(s), s.Usage)
		if option.IsBoolFlag() {
			flag.NoOptDefVal = "true"
		}
	}
}

// check rejects plotting flags without --plot, and flags that generated points cannot use.
func (o *plotOptions) check(c *cobra.Command, args []string) error {
	if o.file == "" {
		var given string
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Changed && given == "" {
				given = f.Name
			}
		})
		if given != "" {
			return usagef("--%s needs --plot FILE: name the file to plot into, or leave the flag out", given)
		}
		return nil
	}
	if len(args) == 0 {
		return usagef("--plot shows a single method: name it, as in 'pipeline methods tsne --plot %s'", o.file)
	}
	if ext := filepath.Ext(o.file); ext != ".html" && ext != ".svg" {
		return usagef("--plot %s: want a page, FILE.html, or an image, FILE.svg", o.file)
	}
	for name, given := range map[string]bool{"labels": o.labels != "", "second": o.second != "", "graph": o.edges != ""} {
		if given && o.features == "" {
			return usagef("--%s needs features of your own: name them with --features; generated points have their own", name)
		}
	}
	if o.features != "" && !c.Flags().Changed("point") {
		o.point = 0
	}
	return nil
}

// plotMethod trains a method on a few points and plots its p and q.
func (a *app) plotMethod(ctx context.Context, name string, o *plotOptions) (err error) {
	if err := writable(o.file); err != nil {
		return err
	}
	if err := spared([]string{o.file}, o.features, o.labels, o.second, o.edges); err != nil {
		return err
	}
	p, done, err := o.plot(a, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	drawing, s, err := p.Draw(ctx)
	a.endStage()
	if err != nil {
		return err
	}
	if err := distributions.WriteFile(o.file, drawing); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"plot": o.file, "method": name, "point": s.Name, "of": s.Of})
	}
	_, err = fmt.Fprintf(a.out, "%s: p and q of %s around %s, among %s\n", plain(o.file), name, plain(s.Name), plain(s.Of))
	return err
}

// plot converts the flags to library options. done closes the features.
func (o *plotOptions) plot(a *app, name string) (p distributions.Plot, done func() error, err error) {
	p = distributions.Plot{Method: name, Settings: map[string]string{}, Seed: o.seed, Point: o.point, Workers: o.workers, Hooks: a.hooks()}
	for _, option := range o.settings {
		if option.given {
			p.Settings[option.setting.Name] = option.value
		}
	}
	if p.Settings["clusters"] == run.AutoClusters {
		return p, nil, usagef("--clusters auto is for run, train and demo: give a number to plot")
	}
	var open []*features.Set
	closeAll := func() (err error) {
		for _, set := range open {
			err = errors.Join(err, set.Close())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	if o.features == "" {
		return p, closeAll, nil
	}
	if p.Features, err = features.Open(o.features, o.labels); err != nil {
		return p, nil, err
	}
	open = append(open, p.Features)
	if o.labels != "" && p.Features.WithImages() == 0 {
		a.note("no row of %s has a label (all are empty, NaN or negative)", o.labels)
	}
	if o.edges != "" {
		if p.Inputs.Edges, err = run.ReadEdges(o.edges); err != nil {
			return p, nil, usageError{err}
		}
	}
	if o.second != "" {
		second, err := features.Open(o.second, "")
		if err != nil {
			return p, nil, err
		}
		open = append(open, second)
		if err := features.SameImages(p.Features, second); err != nil {
			return p, nil, usageError{err}
		}
		p.Inputs.Second = second
	}
	return p, closeAll, nil
}
