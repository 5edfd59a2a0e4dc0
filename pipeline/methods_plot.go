package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/distributions"
	"iconic/features"
	"iconic/head"
	"iconic/head/methods"
	"iconic/internal/atomicfile"
	"iconic/report/page"
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
	f.StringVar(&o.file, "plot", "", "draw p and q of the method around a point into a page, FILE.html, or an image, FILE.svg")
	f.StringVar(&o.features, "features", "", "feature store or features.npy whose rows are drawn (default: points made in the plane)")
	f.IntVar(&o.point, "point", distributions.MadePoints/2, "row around which p and q are drawn")
	f.StringVar(&o.labels, "labels", "", "labels of a features.npy, for methods that learn from them")
	f.StringVar(&o.second, "second", "", "second store or features.npy of the same images, for methods that pair two")
	f.StringVar(&o.edges, "graph", "", "CSV file of edges between rows, lines such as 3,17 or 3,17,0.5 (from, to, weight), for sne-graph and tsne-graph")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything random")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "processors to use (default: all)")
	for _, s := range run.Settings() {
		if s.Name == "method" { // it is NAME
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

// check refuses flags that only say how to plot where nothing is plotted, and those that made points have no use for.
func (o *plotOptions) check(c *cobra.Command, args []string) error {
	if o.file == "" {
		var given string
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Changed && given == "" {
				given = f.Name
			}
		})
		if given != "" {
			return usagef("--%s is for --plot FILE: name the file to draw into, or leave it out", given)
		}
		return nil
	}
	if len(args) == 0 {
		return usagef("--plot draws one method: name it, as in 'pipeline methods tsne --plot %s'", o.file)
	}
	if ext := filepath.Ext(o.file); ext != ".html" && ext != ".svg" {
		return usagef("--plot %s: want a page, FILE.html, or an image, FILE.svg", o.file)
	}
	for name, given := range map[string]bool{"labels": o.labels != "", "second": o.second != "", "graph": o.edges != ""} {
		if given && o.features == "" {
			return usagef("--%s is of features of your own: name them with --features; made points have their own", name)
		}
	}
	if o.features != "" && !c.Flags().Changed("point") {
		o.point = 0
	}
	return nil
}

// plotMethod trains a method on a few points and draws its p and q.
func (a *app) plotMethod(ctx context.Context, name string, o *plotOptions) (err error) {
	m, err := methods.Find(name)
	if err != nil {
		return usageError{err}
	}
	if why := m.About().Undrawn; why != "" {
		return usagef("method %s has no p and q to draw. %s", name, why)
	}
	s, done, err := o.subject()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	values := map[string]string{"method": name}
	for _, option := range o.settings {
		if option.given {
			values[option.setting.Name] = option.value
		}
	}
	if values["clusters"] == run.AutoClusters {
		return usagef("--clusters auto is for run, train and demo: give a number to plot")
	}
	c, notes, err := run.Configure(values, o.seed, s.Features.Len(), s.Classes)
	if err != nil {
		return err
	}
	c, more, err := s.Fit(c, func(name string) bool { _, given := values[name]; return given })
	if err != nil {
		return err
	}
	if len(more) > 0 {
		notes = append(notes, "for so few points: "+strings.Join(more, ", "))
	}
	for _, note := range notes {
		a.note("%s", note)
	}
	if err := c.ValidateInputs(s.Features.Len(), s.Inputs); err != nil {
		return usageError{err}
	}
	training := a.hooks().Stage("training", "steps")
	drawing, err := distributions.Draw(ctx, s, c, head.Options{Workers: o.workers, Progress: func(step, steps int, _ float64) { training(step, steps) }})
	a.endStage()
	if err != nil {
		return err
	}
	write := page.WriteDistributions
	if filepath.Ext(o.file) == ".svg" {
		write = page.DrawDistributions
	}
	if err := atomicfile.Write(o.file, func(w io.Writer) error { return write(w, drawing) }); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"plot": o.file, "method": name, "point": s.Name, "of": s.Of})
	}
	_, err = fmt.Fprintf(a.out, "%s: p and q of %s around %s, among %s\n", o.file, name, s.Name, s.Of)
	return err
}

// subject is the points to draw. done closes what they are read from.
func (o *plotOptions) subject() (s *distributions.Subject, done func() error, err error) {
	done = func() error { return nil }
	if o.features == "" {
		if s, err = distributions.Made(o.seed, o.point); err != nil {
			err = usagef("--point %s: %w", strconv.Itoa(o.point), err)
		}
		return s, done, err
	}
	set, err := features.Open(o.features, o.labels)
	if err != nil {
		return nil, done, err
	}
	done = set.Close
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
			done = nil
		}
	}()
	var in head.Inputs
	if o.edges != "" {
		if in.Edges, err = run.ReadEdges(o.edges); err != nil {
			return nil, done, usageError{err}
		}
	}
	if o.second != "" {
		second, err := features.Open(o.second, "")
		if err != nil {
			return nil, done, err
		}
		first := done
		done = func() error { return errors.Join(first(), second.Close()) }
		if err := features.SameImages(set, second); err != nil {
			return nil, done, usageError{err}
		}
		in.Second = second
	}
	if s, err = distributions.Sample(set, in, o.point, o.seed); err != nil {
		err = usageError{err}
	}
	return s, done, err
}
