package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic/duplicates"
	"iconic/internal/budget"
	"iconic/internal/diskspace"
	"iconic/internal/owned"
	"iconic/internal/regular"
	"iconic/report"
	"iconic/report/inspection"
	"iconic/run"
)

func newDuplicatesCommand(a *app) *cobra.Command {
	var o duplicatesOptions
	c := &cobra.Command{
		Use:   "duplicates STORE|RUN",
		Short: "Find duplicate images and outliers",
		Long: `Find duplicate images and outliers by the features of a feature store, a features.npy or a run.

Images with the same bytes are exact copies. Other images are near duplicates (re-encoded, resized, slightly cropped, mirrored) if their
features are much nearer to each other than to their neighbours and their thumbnails correlate. If the images are not available, or
with --features-only, the features decide alone. The first image of a group is the largest file. An image is unlike all others if
its 10th nearest neighbour is exceptionally far away; in a run, an image is also listed if most of its 10 nearest
neighbours are together in another cluster. No file is touched.`,
		Example: `  pipeline duplicates out
  pipeline duplicates store --json
  pipeline duplicates features.npy --out lists --csv-safe`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.duplicates(c.Context(), args[0], &o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.exact, "exact", false, "find exact copies only: no near duplicates, and no outliers")
	f.BoolVar(&o.featuresOnly, "features-only", false, "do not compare the images themselves")
	f.Float64Var(&o.correlation, "correlation", inspection.DefaultCorrelation, "minimum correlation between the thumbnails of near duplicates, above 0 and up to 1")
	f.StringVar(&o.features, "features", "", "feature store or features.npy of the run, if it has moved")
	f.StringVar(&o.images, "images", "", "data set that the features came from, if it is not recorded or has moved")
	addImageColumn(f, &o.imageColumn)
	addNoCuration(f, &o.noCuration)
	f.StringVarP(&o.out, "out", "o", "", "folder for "+run.DuplicatesFile+" and, unless --exact is given, "+run.OutliersFile+" (default: none)")
	addCSVSafe(f, &o.csvSafe)
	count(f, &o.workers, "threads", 0, 0, maxThreads, "number of CPUs to use (default: all)")
	return c
}

type duplicatesOptions struct {
	exact, featuresOnly   bool
	noCuration            bool
	correlation           float64
	features, images, out string
	imageColumn           string
	csvSafe               bool
	workers               int
}

// library converts the flags to library options.
func (o *duplicatesOptions) library(a *app) (duplicates.Options, error) {
	if !(o.correlation > 0 && o.correlation <= 1) {
		return duplicates.Options{}, usagef("correlation %g: want a number above 0 and up to 1", o.correlation)
	}
	return duplicates.Options{
		Features: o.features, Images: o.images, ImageColumn: o.imageColumn, Raw: o.noCuration, Exact: o.exact, FeaturesOnly: o.featuresOnly,
		Correlation: o.correlation, Workers: o.workers, Hooks: a.hooks(),
	}, nil
}

// place checks the folder of the tables. A run's own folder may get new ones, but not those of other images.
func (o *duplicatesOptions) place(name string) error {
	if owned.Run(filepath.Join(o.out, run.DuplicatesFile)) != "" && !owned.Same(o.out, name) {
		return usagef("%s is a run folder, and has the tables of its own images: choose another folder with --out", o.out)
	}
	if err := spared(inFolder(o.out, run.DuplicatesFile, run.OutliersFile), o.images); err != nil {
		return err
	}
	return writableFolder(o.out, o.out)
}

func (a *app) duplicates(ctx context.Context, name string, o *duplicatesOptions) (err error) {
	options, err := o.library(a)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := o.place(name); err != nil {
			return err
		}
	}
	defer budget.SetRuntimeLimit(budget.Default())()
	set, err := duplicates.Open(ctx, name, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	for _, n := range set.Features.Notes {
		a.note("%s", n)
	}
	switch {
	case errors.Is(set.Unseen, run.ErrUnnamed):
		a.note("the features decide alone: %v", set.Unseen)
	case errors.Is(set.Unseen, duplicates.ErrNoImages):
		a.note("the features decide alone: name the images with --images to compare them")
	case set.Unseen != nil:
		a.warn("the features decide alone: %v; give the images' location with --images", set.Unseen)
	}
	if set.LeftOut > 0 && owned.Same(o.out, name) {
		return usagef("the tables of %s list the images that were left out by hand, too: choose another folder with --out, or search those as well with --no-curation", o.out)
	}
	if set.LeftOut > 0 {
		a.note("%s left out by hand and will not be searched", plural(set.LeftOut, "image was", "images were"))
	}
	found, err := set.Find(ctx)
	a.endStage()
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := regular.MakeFolder(o.out, 0o777); err != nil {
			return fmt.Errorf("output folder: %w", err)
		}
		found.Names.Safe = o.csvSafe
		computed, err := found.Write(o.out)
		if err != nil {
			return err
		}
		a.formulas(o.out, computed, o.csvSafe)
		if _, err := os.Lstat(filepath.Join(o.out, run.OutliersFile)); err == nil && found.Exact {
			a.note("%s in %s is of an earlier search and was left as it is", run.OutliersFile, o.out)
		}
	}
	if a.json {
		return a.printJSON(inspectedLines(found))
	}
	return a.printInspected(found)
}

// The output of --json. Clusters are omitted if there is no clustering.
type (
	inspectedJSON struct {
		Images    int               `json:"images"`
		Exact     int               `json:"exact_copies"`
		Near      int               `json:"near_duplicates"`
		Groups    [][]duplicateJSON `json:"groups"`
		Fence     report.Number     `json:"unlike_above"` // the distance above which an image is unlike all others
		Unlike    []outlierJSON     `json:"unlike"`
		Elsewhere []outlierJSON     `json:"elsewhere"`
	}
	duplicateJSON struct {
		jsonPath
		Kind     string  `json:"kind"`
		Distance float64 `json:"distance"`
		Bytes    int64   `json:"bytes,omitempty"`
		Hash     string  `json:"hash,omitempty"`
		Cluster  *int    `json:"cluster,omitempty"`
	}
	outlierJSON struct {
		jsonPath
		Distance   float64 `json:"distance,omitempty"`
		Cluster    *int    `json:"cluster,omitempty"`
		Neighbours *int    `json:"neighbours_cluster,omitempty"`
		Share      float64 `json:"neighbours_share,omitempty"`
	}
)

func inspectedLines(f *run.Inspected) *inspectedJSON {
	exact, near := f.Copies()
	all := &inspectedJSON{
		Images: f.Images, Exact: exact, Near: near, Fence: report.Number(f.Fence),
		Groups: [][]duplicateJSON{}, Unlike: []outlierJSON{}, Elsewhere: []outlierJSON{},
	}
	for _, g := range f.Groups {
		var group []duplicateJSON
		for k, m := range g {
			d := duplicateJSON{jsonPath: jsonPathOf(f.Names.Paths[m.Image]), Kind: g.Kind(k), Distance: m.Distance, Cluster: clusterOf(f, m.Image)}
			if f.Names.Hashes != nil {
				d.Hash, d.Bytes = hex.EncodeToString(f.Names.Hashes[m.Image][:]), f.Names.Bytes[m.Image]
			}
			group = append(group, d)
		}
		all.Groups = append(all.Groups, group)
	}
	for _, u := range f.Unlike {
		all.Unlike = append(all.Unlike, outlierJSON{jsonPath: jsonPathOf(f.Names.Paths[u.Image]), Distance: u.Distance, Cluster: clusterOf(f, u.Image)})
	}
	for _, s := range f.Elsewhere {
		all.Elsewhere = append(all.Elsewhere, outlierJSON{jsonPath: jsonPathOf(f.Names.Paths[s.Image]), Cluster: clusterOf(f, s.Image), Neighbours: &s.Cluster, Share: s.Share})
	}
	return all
}

func clusterOf(f *run.Inspected, i int) *int {
	if f.Names.Cluster == nil {
		return nil
	}
	return &f.Names.Cluster[i]
}

// printInspected prints a table of the groups, a table of the outliers, and a summary.
func (a *app) printInspected(f *run.Inspected) error {
	if len(f.Groups) > 0 {
		t := newTable("group", "kind", "distance", "size", "path")
		for number, g := range f.Groups {
			for k, m := range g {
				size := "–"
				if f.Names.Bytes != nil {
					size = diskspace.Words(f.Names.Bytes[m.Image])
				}
				t.row(fmt.Sprint(number+1), g.Kind(k), fmt.Sprintf("%.3f", m.Distance), size, f.Names.Paths[m.Image])
			}
		}
		if err := a.printTable(t); err != nil {
			return err
		}
	}
	if len(f.Unlike)+len(f.Elsewhere) > 0 {
		t := newTable("kind", "why", "path")
		for _, u := range f.Unlike {
			t.row(inspection.KindUnlike, fmt.Sprintf("10th neighbour at %.3f, beyond %.3f", u.Distance, f.Fence), f.Names.Paths[u.Image])
		}
		for _, s := range f.Elsewhere {
			t.row(inspection.KindElsewhere, fmt.Sprintf("in cluster %d, %.0f %% of its neighbours in %d", f.Names.Cluster[s.Image], 100*s.Share, s.Cluster), f.Names.Paths[s.Image])
		}
		if len(f.Groups) > 0 {
			fmt.Fprintln(a.out)
		}
		if err := a.printTable(t); err != nil {
			return err
		}
	}
	exact, near := f.Copies()
	if f.Exact {
		a.note("%s: %s of others, in %s", plural(f.Images, "image", "images"), plural(exact, "exact copy", "exact copies"), plural(len(f.Groups), "group", "groups"))
		return nil
	}
	words := fmt.Sprintf("%s: %s and %s of others, in %s", plural(f.Images, "image", "images"),
		plural(exact, "exact copy", "exact copies"), plural(near, "near duplicate", "near duplicates"), plural(len(f.Groups), "group", "groups"))
	words += fmt.Sprintf("; %d unlike all others", len(f.Unlike))
	if f.Names.Cluster != nil {
		words += fmt.Sprintf(", %d whose neighbours are in another cluster", len(f.Elsewhere))
	}
	a.note("%s", words)
	return nil
}
