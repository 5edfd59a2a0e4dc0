package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/curation"
	"iconic/internal/diskspace"
	"iconic/run"
	"iconic/sorting"
)

func newSortCommand(a *app) *cobra.Command {
	var o sortOptions
	c := &cobra.Command{
		Use:   "sort RUN --to DIR [--copy|--link|--hardlink|--move] | --undo DIR",
		Short: "Put the images of a run into one folder per cluster",
		Long: `Put the images of a run into one folder per cluster.

Without --copy, --link, --hardlink or --move this is a dry run: a table shows the folders and what would go into them.
Copied and moved files keep their modification times, even those from tar archives; images in Parquet files have none. Nothing is overwritten:
if a name is taken, a number is added. The command can be repeated, even after an interrupt; existing results are left unchanged. If files of an
earlier sorting would remain in wrong folders because the clusters were edited since, or if 'predict' has sorted into DIR by other clusters or
names, nothing is done: undo that sorting first, or choose another folder.

Each action is first recorded in DIR/` + sorting.Journal + `. --undo reads this journal and restores the original tree, including the
times of files and folders. It leaves alone files that have changed since, and copies whose originals are gone or have changed.`,
		Example: `  pipeline sort out --to sorted                 # dry run
  pipeline sort out --to sorted --copy
  pipeline sort out --to sorted --move --yes
  pipeline sort --undo sorted`,
		DisableFlagsInUseLine: true,

		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			mode, err := o.mode()
			if err != nil {
				return err
			}
			switch {
			case o.undo != "" && len(args) > 0:
				return usagef("--undo takes only the sorted folder, as in 'pipeline sort --undo DIR'")
			case o.undo != "":
				return a.unsort(c.Context(), o.undo)
			case len(args) == 0 || o.to == "":
				return usagef("give a run folder and --to DIR, or --undo DIR")
			}
			return a.sort(c.Context(), args[0], mode, &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "folder to sort into, with one subfolder per cluster")
	f.BoolVar(&o.copies, "copy", false, "copy the files")
	f.BoolVar(&o.links, "link", false, "create symbolic links to the files")
	f.BoolVar(&o.hardlinks, "hardlink", false, "create hard links to the files, on the same file system")
	f.BoolVar(&o.moves, "move", false, "move the files; needs --yes")
	f.BoolVar(&o.yes, "yes", false, "confirm --move")
	addNoCuration(f, &o.noCuration)
	f.StringVar(&o.undo, "undo", "", "undo the sorting into this folder")
	f.StringVar(&o.images, "images", "", "the run's data set, if it has moved")
	addImageColumn(f, &o.imageColumn)
	return c
}

type sortOptions struct {
	to, undo, images, imageColumn        string
	copies, links, hardlinks, moves, yes bool
	noCuration                           bool
}

// mode is "" for a dry run.
func (o *sortOptions) mode() (sorting.Mode, error) {
	var chosen []sorting.Mode
	for _, m := range []struct {
		mode sorting.Mode
		set  bool
	}{{sorting.Copy, o.copies}, {sorting.Link, o.links}, {sorting.Hardlink, o.hardlinks}, {sorting.Move, o.moves}} {
		if m.set {
			chosen = append(chosen, m.mode)
		}
	}
	switch {
	case len(chosen) > 1:
		return "", usagef("--copy, --link, --hardlink and --move are mutually exclusive: give one")
	case len(chosen) == 0:
		return "", nil
	}
	return chosen[0], nil
}

func (a *app) sort(ctx context.Context, dir string, mode sorting.Mode, o *sortOptions) error {
	f, err := run.OpenAs(dir, o.noCuration, a.hooks())
	if err != nil {
		return err
	}
	images, err := sorting.OpenImages(ctx, f, o.images, o.imageColumn, o.to)
	if err != nil {
		return err
	}
	defer images.Close()
	all, err := images.Arrange(ctx, o.to, a.hooks().Stage("compare", "images"))
	a.endStage()
	if err != nil {
		return err
	}
	if err := a.tellChanged(all, images.Data); err != nil {
		return err
	}
	if all.Missing > 0 {
		a.warn("%s not in %s and left out (such as %s)", plural(all.Missing, "image of the run is", "images of the run are"), images.Data, all.Example)
	}
	if all.Excluded > 0 {
		a.note("%s left out by hand and will not be sorted", plural(all.Excluded, "image was", "images were"))
	}
	if all.Inside > 0 {
		a.warn("%s in %s, the folder to sort into, and left out", plural(all.Inside, "image is", "images are"), o.to)
	}
	if all.Earlier > 0 {
		a.note("%s put into %s by an earlier sorting", plural(all.Earlier, "image that is no longer in "+images.Data+" was", "images that are no longer in "+images.Data+" were"), o.to)
	}
	if all.Broken > 0 {
		a.warn("%s gone", plural(all.Broken, "link in "+o.to+" points to an image that is", "links in "+o.to+" point to images that are"))
	}
	clusters, err := clustersOf(f)
	if err != nil {
		return err
	}
	s := sorting.Sorting{Folder: o.to, Mode: mode, Files: all.Files, Clusters: clusters, Progress: a.hooks().Stage("sort", "images")}
	if mode == "" || mode == sorting.Move && !o.yes {
		return a.sortDry(ctx, all, &s)
	}
	result, err := s.Run(ctx)
	if result != nil {
		if terr := a.sortResult(all, result, mode, o.to); err == nil {
			err = terr
		}
	}
	return err
}

// clustersOf are the clusters by which the images of a run are sorted. Their key is that of the run for new images (classify.Found.Key), unless images were
// moved by hand: those are elsewhere than the head would put them.
func clustersOf(f *run.Finished) (*sorting.Clusters, error) {
	found := classify.Found{Run: f.Run, Curation: f.Curated, Names: f.Table.Names}
	key, err := found.Key()
	if err != nil {
		return nil, err
	}
	if f.Curated != nil && slices.ContainsFunc(f.Curated.Steps(), func(s curation.Step) bool { return s.Kind == curation.Move }) {
		h := sha256.New()
		if err := json.NewEncoder(h).Encode([]any{key, f.Table.Cluster, f.Table.Names}); err != nil {
			return nil, err
		}
		key = hex.EncodeToString(h.Sum(nil)[:16])
	}
	c := &sorting.Clusters{Key: key, Names: f.Table.Names}
	if c.Names == nil {
		c.Names = make([]string, f.Clusters())
	}
	return c, nil
}

// tellChanged reports images that have changed since the training, and refuses to sort nothing else.
func (a *app) tellChanged(all *sorting.Plan, data string) error {
	const way = "extract and train again, or let 'pipeline predict RUN DATA --copy-to DIR' sort the images as they are"
	switch {
	case all.Unknown != nil:
		a.note("images that have changed since the training cannot be recognised (%v), and are sorted as they were then", all.Unknown)
	case all.Changed > 0 && len(all.Files) == 0:
		return fmt.Errorf("%s since the training (such as %s), so that there is nothing to sort: %s", plural(all.Changed, "image of "+data+" has changed", "images of "+data+" have changed"), all.Altered, way)
	case all.Changed > 0:
		a.warn("%s since the training and %s left out (such as %s): %s", plural(all.Changed, "image of "+data+" has changed", "images of "+data+" have changed"), wordFor(all.Changed, "was", "were"), all.Altered, way)
	}
	return nil
}

// sortDry prints the result of a dry run.
func (a *app) sortDry(ctx context.Context, all *sorting.Plan, s *sorting.Sorting) error {
	to := s.Folder
	left, err := s.Left(ctx)
	a.endStage()
	if err != nil {
		return err
	}
	err = s.Check()
	switch {
	case left != nil:
		a.warn("%s: undo that sorting first with --undo, or choose another folder with --to", left)
	case errors.Is(err, sorting.ErrOtherClusters) || errors.Is(err, sorting.ErrUnknownClusters):
		a.warn("%s with --to", err)
	case err != nil:
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"to": to, "dry_run": true, "folders": all.Folders, "missing": all.Missing, "changed": all.Changed})
	}
	if err := a.sortTable(all); err != nil {
		return err
	}
	if s.Mode == sorting.Move {
		a.note("nothing was moved: add --yes to move these files into %s; 'pipeline sort --undo %s' can undo it", to, to)
	} else {
		a.note("nothing was done: add --copy, --link, --hardlink, or --move --yes")
	}
	return nil
}

func (a *app) sortTable(all *sorting.Plan) error {
	t := newTable("folder", "images", "size")
	var bytes int64
	for _, f := range all.Folders {
		t.row(f.Folder, fmt.Sprint(f.Images), diskspace.Words(f.Bytes))
		bytes += f.Bytes
	}
	t.row("all", fmt.Sprint(len(all.Files)), diskspace.Words(bytes))
	return a.printTable(t)
}

// sortResult reports what was done, and returns an error if files could not be sorted.
func (a *app) sortResult(all *sorting.Plan, r *sorting.Result, mode sorting.Mode, to string) error {
	a.tellTorn(r.Torn)
	if a.json {
		if err := a.printJSON(map[string]any{"to": to, "mode": mode, "folders": all.Folders, "placed": r.Placed, "there": r.There, "failed": len(r.Failed), "missing": all.Missing, "changed": all.Changed}); err != nil {
			return err
		}
	} else {
		if err := a.sortTable(all); err != nil {
			return err
		}
		a.note("%s: %d placed in %s, %d were already there; 'pipeline sort --undo %s' can undo it", mode, r.Placed, to, r.There, to)
	}
	if n := len(r.Failed); n > 0 {
		return fmt.Errorf("%s could not be sorted into %s (such as %s: %w)", plural(n, "file", "files"), to, r.Failed[0].File, r.Failed[0].Err)
	}
	return nil
}

func (a *app) tellTorn(torn bool) {
	if torn {
		a.warn("the last line of the journal is incomplete and was ignored: its action had not begun")
	}
}

func (a *app) unsort(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	u, err := sorting.Undo(ctx, dir, nil)
	if errors.Is(err, sorting.ErrNoJournal) {
		return usageError{err}
	}
	if u == nil {
		return err
	}
	a.tellTorn(u.Torn)
	if a.json { // what was undone is told also if it was stopped
		if perr := a.printJSON(map[string]any{"undone": u.Back, "failed": len(u.Failed)}); perr != nil {
			return errors.Join(err, perr)
		}
	} else if _, perr := fmt.Fprintln(a.out, undone(u, plain(dir))); perr != nil {
		return errors.Join(err, perr)
	}
	if err != nil {
		return err
	}
	if n := len(u.Failed); n > 0 {
		return fmt.Errorf("%s (such as %s: %w); fix that and repeat the command", leftAlone(n, dir), u.Failed[0].File, u.Failed[0].Err)
	}
	return nil
}

// leftAlone says how many files in a folder an undo did not take back, and why.
func leftAlone(n int, dir string) string {
	return plural(n, "file in "+dir+" was left alone, since it or its original has changed", "files in "+dir+" were left alone, since they or their originals have changed")
}

// undone says what an undo did in a folder: files of --move are back in their places, copies and links are gone.
func undone(u *sorting.Undone, dir string) string {
	removed := plural(u.Removed, "copy or link", "copies or links") + " removed from " + dir
	back := plural(u.Back-u.Removed, "file", "files") + " restored from " + dir
	switch u.Removed {
	case 0:
		return back
	case u.Back:
		return removed
	}
	return back + ", " + removed
}
