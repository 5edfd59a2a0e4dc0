package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic/comparison"
	"iconic/run"
)

func newReportCommand(a *app) *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report DIR…",
		Short: "Rebuild the report of a run, or compare several runs",
		Long: `Rebuild the report of a run, or compare several runs.

With one run folder, report.html is rewritten. It includes the map, images and neighbours if the features and the images are
still where they were, or where --features and --images point. If the existing page shows more than a new one could, it is kept.
With several, a page compares them: settings that differ, scores, and clusters that changed. Changes made in 'pipeline curate' are
applied in both cases.`,
		Example: `  pipeline report runs/a
  pipeline report runs/a runs/b --out comparison.html`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if c.Flags().Changed("out") {
					return usagef("--out names the page of a comparison: give at least two run folders")
				}
				return a.remakeReport(c.Context(), args[0], o.PageOptions)
			}
			for _, name := range []string{"features", "images", "image-column", "map-points", "reference"} {
				if c.Flags().Changed(name) {
					return usagef("--%s is for the page of one run: give one run folder, or leave it out", name)
				}
			}
			return a.compareRuns(c.Context(), args, &o)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.out, "out", "o", "comparison.html", "page to write when comparing")
	f.StringVar(&o.Reference, "reference", "", "another run on the same data to add to the reliability diagram (such as a run with α = 0)")
	addNoCuration(f, &o.Raw)
	f.StringVar(&o.Features, "features", "", "feature store or features.npy of the run, if it has moved")
	f.StringVar(&o.Images, "images", "", "data set that the features came from, if it has moved")
	addImageColumn(f, &o.ImageColumn)
	count(f, &o.Points, "map-points", run.MapPoints, 1, 20000, "maximum number of images on the map, up to 20000; a larger set is sampled at random")
	count(f, &o.Workers, "threads", 0, 0, maxThreads, "number of CPUs to use (default: all)")
	return c
}

type reportOptions struct {
	run.PageOptions
	out string
}

func (a *app) remakeReport(ctx context.Context, dir string, o run.PageOptions) error {
	hooks, restore := whilePictures(0, a.hooks())
	o.Hooks = hooks
	defer restore()
	f, err := run.Remake(ctx, dir, o)
	a.endStage()
	if err != nil {
		return err
	}
	if err := a.printSummary(dir, f.Metrics); err != nil {
		return err
	}
	a.note("wrote %s", filepath.Join(dir, run.PageFile))
	return nil
}

func (a *app) compareRuns(ctx context.Context, dirs []string, o *reportOptions) error {
	if err := writablePage("out", o.out, "a comparison"); err != nil {
		return err
	}
	c, err := comparison.Open(ctx, dirs, comparison.Options{Raw: o.Raw, Workers: o.Workers, Hooks: a.hooks()})
	if err != nil {
		return err
	}
	if err := c.Write(ctx, o.out); err != nil {
		return err
	}
	for _, caution := range c.Cautions() {
		a.warn("%s", caution)
	}
	if a.json {
		return a.printJSON(c)
	}
	names := []string{""}
	for _, r := range c.Runs {
		names = append(names, r.Name)
	}
	t := newTable(names...)
	for _, line := range c.Lines() {
		t.row(line...)
	}
	t.row("page", o.out)
	return a.printTable(t)
}
