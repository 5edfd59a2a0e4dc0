package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"iconic/features"
	"iconic/progress"
	"iconic/report/page"
	"iconic/run"
	"iconic/sweep"
)

func newSweepCommand(a *app) *cobra.Command {
	o := sweepOptions{values: map[string]*[]string{}}
	c := &cobra.Command{
		Use:   "sweep STORE… --out DIR [--clusters 10,20,40] [--seeds 3]",
		Short: "Train over a grid of settings, with several seeds each",
		Long: `Train over a grid of settings, with several seeds each, on cached features.

Every setting takes a list: the runs are all combinations, or with --list the lines of a file ("alpha=0.2 batch=1024"), each
with every seed. Runs are trained in parallel, one per CPU. A finished run is never repeated: the same command, or one with
more values, continues where the last one stopped. Several such commands may work in one DIR, on one machine or on several that
share a disk: only one of them trains each run, and another takes over if it is killed. DIR will contain sweep.csv, sweep.html
and runs/, with one folder per run.`,
		Example: `  pipeline sweep stores/photos --clusters 10,20,40 --seeds 3 --out sweeps/k
  pipeline sweep stores/photos --method debiased-infonce-clustering \
      --alpha 0,0.2,0.4,0.6 --clusters 20 --out sweeps/alpha`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.runSweep(c.Context(), args, &o) },
	}
	f := c.Flags()
	for _, s := range run.Settings() {
		usage := s.Usage
		if s.Name == "clusters" {
			usage = "numbers of clusters to compare (default: the number of classes with images)"
		}
		o.values[s.Name] = f.StringSliceP(s.Name, shorthand(s), nil, usage)
	}
	count(f, &o.seeds, "seeds", 1, 1, sweep.MostSeeds, "number of runs per combination, with seeds 0, 1, …")
	f.StringVar(&o.list, "list", "", "file of combinations, one per line, instead of a grid")
	f.StringSliceVar(&o.labels, "labels", nil, "labels for each features.npy: labels.npy, or a text or CSV file with one name or number per line")
	f.StringVarP(&o.out, "out", "o", "", "folder of the sweep")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "parallel runs (default: one per CPU)")
	addCSVSafe(f, &o.csvSafe)
	f.StringVar(&o.shard, "shard", "", "work as worker i of n, such as 2/4: start with that share of the runs, continue with unclaimed ones, and do not wait for other workers")
	f.BoolVar(&o.report, "report", false, "train nothing; write sweep.csv and the page if all runs are finished")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	return c
}

type sweepOptions struct {
	csvSafe bool
	shard   string
	report  bool
	values  map[string]*[]string
	seeds   int
	list    string
	labels  []string
	out     string
	workers int
}

// combinations lists the runs: the grid of all given values, or the lines of the file, which origins names.
func (o *sweepOptions) combinations() (list []sweep.Combination, origins []string, err error) {
	values := map[string][]string{}
	for _, s := range run.Settings() {
		if given := *o.values[s.Name]; len(given) > 0 {
			if o.list != "" {
				return nil, nil, usagef("--%s and --list: give the values either in the file or by flags", s.Name)
			}
			if s.Name == "clusters" && slices.Contains(given, run.AutoClusters) {
				return nil, nil, usagef("--clusters auto is for train, run and demo: give sweep the numbers to compare, such as --clusters 5,10,20; it suggests one of them")
			}
			values[s.Name] = given
		}
	}
	if o.list != "" {
		return sweep.ReadList(o.list)
	}
	return sweep.Grid(values), nil, nil
}

func (a *app) runSweep(ctx context.Context, stores []string, o *sweepOptions) error {
	if len(o.labels) > 0 && len(o.labels) != len(stores) {
		return usagef("%s for %s: give one for each", plural(len(o.labels), "label file", "label files"), plural(len(stores), "store", "stores"))
	}
	if err := spared(inFolder(o.out, "sweep.csv", "sweep.html"), append(append([]string{o.list}, stores...), o.labels...)...); err != nil {
		return err
	}
	combinations, origins, err := o.combinations()
	if err != nil {
		return err
	}
	options := sweep.Options{Dir: o.out, Combinations: combinations, Origins: origins, Seeds: o.seeds, Workers: o.workers, Safe: o.csvSafe}
	for k, store := range stores {
		labels := ""
		if len(o.labels) > 0 {
			labels = o.labels[k]
		}
		set, err := features.Open(store, labels)
		if err != nil {
			return err
		}
		defer set.Close()
		for _, n := range set.Notes {
			a.note("%s", n)
		}
		a.unlabelled(labels, set)
		options.Sets = append(options.Sets, set)
	}
	if options.Part, options.Parts, err = parseShard(o.shard); err != nil {
		return err
	}
	clock, live := progress.NewClock("preparation"), &liveTable{app: a}
	options.Hooks, options.Ended = clock.Hooks(live.hooks()), live.ended
	if live.sweep, err = sweep.Plan(ctx, options); err != nil {
		return err
	}
	work := live.sweep.Train
	if o.report {
		work = live.sweep.Report
	}
	err = work(ctx)
	a.endStage()
	live.clear()
	if err != nil {
		return err
	}
	a.took(clock.Times())
	if n := live.sweep.Missing(); n > 0 {
		a.note("%d of %s %s to other workers: the last worker writes the page, or use sweep --report", n, plural(len(live.sweep.Jobs), "run", "runs"), wordFor(n, "belongs", "belong"))
		if a.json {
			return a.printSweep(live.sweep)
		}
		return nil
	}
	a.formulas(filepath.Join(o.out, "sweep.csv"), live.sweep.Formulas, o.csvSafe)
	return a.printSweep(live.sweep)
}

// printSweep writes the result to standard output.
func (a *app) printSweep(s *sweep.Sweep) error {
	if a.json {
		result, err := s.Result()
		if err != nil {
			return err
		}
		return a.printJSON(result)
	}
	points, err := s.Points()
	if err != nil {
		return err
	}
	if err := a.printTable(sweepTable(s, points)); err != nil {
		return err
	}
	columns, terminal := a.columns()
	for _, suggestion := range s.Suggestions() {
		suggestion = plain(suggestion)
		if terminal {
			suggestion = wrap(suggestion, columns)
		}
		fmt.Fprintln(a.out, suggestion)
	}
	_, err = fmt.Fprintf(a.out, "page  %s\n", plain(s.Page))
	return err
}

func sweepTable(s *sweep.Sweep, points []page.Point) *table {
	lines := s.Table(points)
	t := newTable(lines[0]...)
	for _, line := range lines[1:] {
		t.row(line...)
	}
	return t
}
