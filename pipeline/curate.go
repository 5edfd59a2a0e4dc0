package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/curation"
	"iconic/curator"
	"iconic/endpoint"
	"iconic/internal/budget"
	"iconic/run"
)

func newCurateCommand(a *app) *cobra.Command {
	var o curateOptions
	c := &cobra.Command{
		Use:   "curate RUN",
		Short: "Edit the clusters of a run in the browser",
		Long: `Edit the clusters of a run in the browser.

The page shows the images of each cluster. Clusters can be renamed, merged, split in two (with a preview of the parts) and marked as
reviewed; images can be moved and left out. There are keyboard shortcuts for all actions (? lists the keys), and everything can be undone and redone.
Every change is saved immediately in RUN/` + curation.FileName + `, an append-only file. 'predict', 'evaluate', 'serve', 'export', 'report',
'assignments', 'sort' and 'duplicates' apply it unless --no-curation is given.

The server listens on localhost only unless --listen says otherwise, rejects requests from other sites, and stops on an interrupt.
--import reads names from a CSV file with lines such as 3,dogs, and exits without serving.`,
		Example: `  pipeline curate out
  pipeline curate out --import names.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.curate(c.Context(), args[0], &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8081", "address and port; port 0 picks a free port")
	f.StringVar(&o.names, "import", "", "rename clusters from a CSV file with lines such as 3,dogs, then exit")
	f.StringVar(&o.features, "features", "", "feature store or features.npy of the run, if it has moved")
	f.StringVar(&o.images, "images", "", "the run's data set, if it has moved")
	addImageColumn(f, &o.imageColumn)
	count(f, &o.workers, "threads", 0, 0, maxThreads, "number of CPUs to use (default: all)")
	return c
}

type curateOptions struct {
	listen, names    string
	features, images string
	imageColumn      string
	workers          int
}

func (a *app) curate(ctx context.Context, dir string, o *curateOptions) (err error) {
	f, err := run.Open(dir)
	if err != nil {
		return err
	}
	c, err := f.Curate()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if c.Torn {
		a.warn("the last line of %s is incomplete: that change had not been saved and was dropped", filepath.Join(dir, curation.FileName))
	}
	if o.names != "" {
		return a.importNames(c, o.names)
	}
	defer budget.SetRuntimeLimit(budget.Default())()
	page, err := curator.Open(ctx, f, c, curator.Options{
		Features: o.features, Images: o.images, ImageColumn: o.imageColumn, Workers: o.workers, Progress: a.hooks().Stage("compare", "images"),
	})
	a.endStage()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	a.tellLacking(page)
	listener, err := listen("listen", o.listen)
	if err != nil {
		return err
	}
	if endpoint.Hosts(listener.Addr()) == nil {
		a.warn("%s can be reached from other machines: anyone who opens the page can change this curation", listener.Addr())
	}
	if err := a.tellListening("curate at", listener, nil); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := page.Serve(ctx, listener); err != nil {
		return err
	}
	a.note("curate has ended; %s", keptBy(a.command))
	return nil
}

// tellLacking reports what a page does without, and what it shows otherwise than it was in the training.
func (a *app) tellLacking(page *curator.Opened) {
	if page.NoSplits != nil {
		a.warn("clusters cannot be split: %v; name the features with --features", page.NoSplits)
	}
	switch {
	case errors.Is(page.NoPictures, run.ErrUnnamed):
		a.warn("the page has no images: %v", page.NoPictures)
	case page.NoPictures != nil:
		a.warn("the page has no images: %v; give their location with --images", page.NoPictures)
	}
	if n := page.Missing; n.Images > 0 {
		a.warn("%s not in the data set (such as %s); the page shows %s", plural(n.Images, "image of the run is", "images of the run are"), n.Example, wordFor(n.Images, "its path", "their paths"))
	}
	if n := page.Changed; n.Images > 0 {
		a.warn("%s since the training (such as %s): the page does not show %s", plural(n.Images, "image has changed", "images have changed"), n.Example, wordFor(n.Images, "it", "them"))
	}
	if page.NoLists != nil {
		a.warn("duplicates and outliers are not listed: %v", page.NoLists)
	}
}

// importNames renames clusters from a file.
func (a *app) importNames(c *curation.Curation, file string) error {
	names, err := classify.ReadNamed(file, len(c.Clusters))
	if err != nil {
		return err
	}
	n, err := c.Rename(names)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if a.json {
		return a.printJSON(struct {
			Renamed int `json:"renamed"`
		}{n})
	}
	_, err = fmt.Fprintf(a.out, "%s renamed\n", plural(n, "cluster", "clusters"))
	return err
}
