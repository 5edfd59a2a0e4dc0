package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/curation"
	"iconic/curator"
	"iconic/endpoint"
	"iconic/internal/regular"
	"iconic/report/inspection"
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
	id, err := f.Identity()
	if err != nil {
		return err
	}
	c, err := curation.Open(dir, id, f.Base())
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
	served := curator.Run{Title: f.Title(), Paths: f.Table.Paths, Confidence: f.Table.Confidence, Workers: o.workers}
	it, err := f.OpenFeatures(o.features)
	switch {
	case err == nil:
		defer func() { err = errors.Join(err, it.Close()) }()
		served.Features = it
	case o.features != "":
		return fmt.Errorf("features of %s: %w", dir, err)
	default:
		a.warn("clusters cannot be split, for the features of %s are not to be had (%v): name them with --features", dir, err)
	}
	p, err := f.OpenPictures(ctx, o.images, o.imageColumn, f.Table.Paths)
	switch {
	case err == nil:
		defer func() { err = errors.Join(err, p.Close()) }()
		served.Picture = p.Image
	case o.images != "":
		return fmt.Errorf("images of %s: %w", dir, err)
	default:
		a.warn("the page has no pictures: %v; say where the images are with --images", err)
	}
	served.Lists = a.foundLists(dir, f.Table.Paths)
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	served.Hosts = hostsOf(listener.Addr())
	if served.Hosts == nil {
		a.warn("%s can be reached from other machines: whoever opens the page can change this curation", listener.Addr())
	}
	s, err := curator.New(c, served)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(a.out, "curate at http://%s\n", listener.Addr())
	return serveUntil(ctx, listener, s)
}

// foundLists reads what was found to be there twice, or not to belong: the tables that a run folder has of it. A table that is not there
// is no list; lines of images that the run does not have are passed over.
func (a *app) foundLists(dir string, paths []string) []curator.List {
	row := make(map[string]int, len(paths))
	for i, path := range paths {
		row[path] = i
	}
	duplicates, unlike, elsewhere := curator.List{Name: "Duplicates", Spare: []bool{}}, curator.List{Name: "Unlike all others"}, curator.List{Name: "Neighbours elsewhere"}
	err := eachLine(filepath.Join(dir, run.DuplicatesFile), []string{"path", "group", "kind"}, func(cells []string) {
		if i, known := row[cells[0]]; known {
			duplicates.Images, duplicates.Notes = append(duplicates.Images, i), append(duplicates.Notes, fmt.Sprintf("group %s, %s", cells[1], cells[2]))
			duplicates.Spare = append(duplicates.Spare, cells[2] != inspection.KindFirst)
		}
	})
	if err == nil {
		err = eachLine(filepath.Join(dir, run.OutliersFile), []string{"path", "kind", "neighbours_cluster"}, func(cells []string) {
			i, known := row[cells[0]]
			switch {
			case known && cells[1] == inspection.KindUnlike:
				unlike.Images, unlike.Notes = append(unlike.Images, i), append(unlike.Notes, "")
			case known && cells[1] == inspection.KindElsewhere:
				elsewhere.Images, elsewhere.Notes = append(elsewhere.Images, i), append(elsewhere.Notes, "near cluster "+cells[2])
			}
		})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.warn("duplicates and outliers are not listed: %v", err)
	}
	return slices.DeleteFunc([]curator.List{duplicates, unlike, elsewhere}, func(l curator.List) bool { return len(l.Images) == 0 })
}

// eachLine calls f with some columns of each line of a CSV file.
func eachLine(name string, columns []string, f func(cells []string)) error {
	content, err := regular.Read(name)
	if err != nil {
		return err
	}
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(lines) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	at := make([]int, len(columns))
	for k, column := range columns {
		if at[k] = slices.Index(lines[0], column); at[k] < 0 {
			return fmt.Errorf("%s has no column %q", name, column)
		}
	}
	cells := make([]string, len(columns))
	for _, line := range lines[1:] {
		for k := range at {
			cells[k] = line[at[k]]
		}
		f(cells)
	}
	return nil
}

// serveUntil serves until ctx ends, and then what was taken on.
func serveUntil(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(endpoint.Bounded(listener, maxConnections, maxOfAddress)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(ending)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-failed
	return err
}

// importNames renames clusters as a file says.
func (a *app) importNames(c *curation.Curation, file string) error {
	names, named, err := classify.ReadNamed(file, len(c.Clusters))
	if err != nil {
		return err
	}
	var steps []curation.Step
	for cluster, name := range names {
		if !named[cluster] {
			continue
		}
		step := curation.Step{Kind: curation.Rename, Cluster: cluster, Name: name}
		if err := c.Check(step); err != nil { // all are looked at before the first is taken
			return fmt.Errorf("%s: %w", file, err)
		}
		if c.Clusters[cluster].Name != name {
			steps = append(steps, step)
		}
	}
	for _, step := range steps {
		if err := c.Take(step); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.out, "%d clusters renamed\n", len(steps))
	return nil
}
