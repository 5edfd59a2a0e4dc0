package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/curation"
	"iconic/curator"
	"iconic/endpoint"
	"iconic/run"
)

func newCurateCommand(a *app) *cobra.Command {
	var o curateOptions
	c := &cobra.Command{
		Use:   "curate RUN",
		Short: "Rename, merge, split and tidy the clusters of a run in the browser",
		Long: `Rename, merge, split and tidy the clusters of a run in the browser.

The page shows the images of each cluster. Clusters are renamed, merged, split in two (with a look at the parts first) and marked as
reviewed, images are moved and left out, all by the keyboard where one likes (? lists the keys), and everything can be undone and redone.
Every change is saved at once in RUN/` + curation.FileName + `, which only grows. 'predict', 'serve', 'export', 'report', 'sort' and
'duplicates' follow it, unless they are called with --no-curation.

The server listens on this machine alone unless --listen says otherwise, answers no page of another site, and ends with an interrupt.
--import takes names from a CSV file of lines such as 3,dogs, and ends without serving.`,
		Example: `  pipeline curate out
  pipeline curate out --import names.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.curate(c.Context(), args[0], &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8081", "address and port; port 0 takes a free one")
	f.StringVar(&o.names, "import", "", "CSV file of lines such as 3,dogs: rename these clusters, and end")
	f.StringVar(&o.features, "features", "", "feature store or features.npy of the run, if it is no longer where the run found it")
	f.StringVar(&o.images, "images", "", "data set of the run, if it is no longer where the run found it")
	addImageColumn(f, &o.imageColumn)
	count(f, &o.workers, "threads", 0, 0, maxThreads, "processors to use (default: all)")
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
		a.warn("the last line of %s was cut short: it had not been saved, and is gone", filepath.Join(dir, curation.FileName))
	}
	if o.names != "" {
		return a.importNames(c, o.names)
	}
	page, err := curator.Open(ctx, f, c, curator.Options{Features: o.features, Images: o.images, ImageColumn: o.imageColumn, Workers: o.workers})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	if page.NoSplits != nil {
		a.warn("clusters cannot be split: %v; name the features with --features", page.NoSplits)
	}
	if page.NoPictures != nil {
		a.warn("the page has no pictures: %v; say where the images are with --images", page.NoPictures)
	}
	if page.NoLists != nil {
		a.warn("duplicates and outliers are not listed: %v", page.NoLists)
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	if endpoint.Hosts(listener.Addr()) == nil {
		a.warn("%s can be reached from other machines: whoever opens the page can change this curation", listener.Addr())
	}
	fmt.Fprintf(a.out, "curate at http://%s\n", listener.Addr())
	return page.Serve(ctx, listener)
}

// importNames renames clusters as a file says.
func (a *app) importNames(c *curation.Curation, file string) error {
	names, err := classify.ReadNamed(file, len(c.Clusters))
	if err != nil {
		return err
	}
	n, err := c.Rename(names)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	_, err = fmt.Fprintf(a.out, "%s renamed\n", plural(n, "cluster", "clusters"))
	return err
}
