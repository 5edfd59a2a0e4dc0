package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"iconic/internal/diskspace"
	"iconic/sorting"
)

func newSortCommand(a *app) *cobra.Command {
	var o sortOptions
	c := &cobra.Command{
		Use:   "sort RUN --to DIR [--copy|--link|--hardlink|--move] | --undo DIR",
		Short: "Put the images of a run into one folder per cluster",
		Long: `Put the images of a run into one folder per cluster.

Without --copy, --link, --hardlink or --move nothing is done: a table shows which folders there would be, and what would go into them.
Copies and moved files keep their modification times. Nothing is overwritten: a name that is taken gets a number. The same command may
be repeated, also after it was interrupted; what is there already is left as it is.

Everything that is done is written down first, in DIR/` + sorting.Journal + `. --undo reads it and gives back the tree as it was, with the
times of files and folders; what has been changed since stays as it is and is named.`,
		Example: `  pipeline sort out --to sorted                 # what would be done
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
			case o.undo != "" && (len(args) > 0 || o.to != "" || mode != ""):
				return usagef("--undo takes the sorted folder alone, as in 'pipeline sort --undo DIR'")
			case o.undo != "":
				return a.unsort(c.Context(), o.undo)
			case len(args) == 0 || o.to == "":
				return usagef("give the folder of a run and --to DIR, or --undo DIR")
			}
			return a.sort(c.Context(), args[0], mode, &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "folder to sort into, with one subfolder per cluster")
	f.BoolVar(&o.copies, "copy", false, "copy the files")
	f.BoolVar(&o.links, "link", false, "make symbolic links to the files")
	f.BoolVar(&o.hardlinks, "hardlink", false, "give the files second names, on the same file system")
	f.BoolVar(&o.moves, "move", false, "move the files; needs --yes")
	f.BoolVar(&o.yes, "yes", false, "really move")
	addNoCuration(f, &o.noCuration)
	f.StringVar(&o.undo, "undo", "", "take back what was sorted into this folder")
	f.StringVar(&o.images, "images", "", "data set that the run is of, if it is no longer where the run found it")
	addImageColumn(f, &o.imageColumn)
	return c
}

type sortOptions struct {
	to, undo, images, imageColumn        string
	copies, links, hardlinks, moves, yes bool
	noCuration                           bool
}

// mode is "" where nothing is to be done but the table.
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
		return "", usagef("--copy, --link, --hardlink and --move exclude each other: give one")
	case o.yes && !o.moves:
		return "", usagef("--yes is for --move, the only one that takes files away from where they are")
	case len(chosen) == 0:
		return "", nil
	}
	return chosen[0], nil
}

func (a *app) sort(ctx context.Context, dir string, mode sorting.Mode, o *sortOptions) error {
	f, err := a.openCurated(dir, o.noCuration)
	if err != nil {
		return err
	}
	images, err := sorting.OpenImages(ctx, f, o.images, o.imageColumn)
	if err != nil {
		return err
	}
	defer images.Close()
	all, err := images.Arrange(o.to)
	if err != nil {
		return err
	}
	if all.Missing > 0 {
		a.warn("%s not in %s and left out (such as %s)", plural(all.Missing, "image of the run is", "images of the run are"), images.Data, all.Example)
	}
	if all.Excluded > 0 {
		a.note("%s left out by hand and not sorted", plural(all.Excluded, "image was", "images were"))
	}
	if all.Inside > 0 {
		a.warn("%s in %s, where files are sorted to, and left out", plural(all.Inside, "image is", "images are"), o.to)
	}
	if mode == "" || mode == sorting.Move && !o.yes {
		return a.sortDry(all, mode, o.to)
	}
	s := sorting.Sorting{Folder: o.to, Mode: mode, Files: all.Files, Progress: a.hooks().Stage("sort", "images")}
	result, err := s.Run(ctx)
	if result != nil {
		if terr := a.sortResult(all, result, mode, o.to); err == nil {
			err = terr
		}
	}
	return err
}

// sortDry shows what would be done.
func (a *app) sortDry(all *sorting.Plan, mode sorting.Mode, to string) error {
	if a.json {
		return a.printJSON(map[string]any{"to": to, "dry_run": true, "folders": all.Folders, "missing": all.Missing})
	}
	if err := a.sortTable(all); err != nil {
		return err
	}
	if mode == sorting.Move {
		a.note("nothing was moved: add --yes to move these files into %s; 'pipeline sort --undo %s' takes it back", to, to)
	} else {
		a.note("nothing was done: add --copy, --link, --hardlink, or --move --yes")
	}
	return nil
}

func (a *app) sortTable(all *sorting.Plan) error {
	t := newTable("folder", "images", "size")
	var bytes int64
	for _, f := range all.Folders {
		t.row(plain(f.Folder), fmt.Sprint(f.Images), diskspace.Words(f.Bytes))
		bytes += f.Bytes
	}
	t.row("all", fmt.Sprint(len(all.Files)), diskspace.Words(bytes))
	return a.printTable(t)
}

// sortResult tells what was done; files that could not be sorted make the command fail.
func (a *app) sortResult(all *sorting.Plan, r *sorting.Result, mode sorting.Mode, to string) error {
	a.tellTorn(r.Torn)
	if a.json {
		if err := a.printJSON(map[string]any{"to": to, "mode": mode, "folders": all.Folders, "placed": r.Placed, "there": r.There, "failed": len(r.Failed), "missing": all.Missing}); err != nil {
			return err
		}
	} else {
		if err := a.sortTable(all); err != nil {
			return err
		}
		a.note("%s: %d placed in %s, %d were there already; 'pipeline sort --undo %s' takes it back", mode, r.Placed, to, r.There, to)
	}
	if n := len(r.Failed); n > 0 {
		return fmt.Errorf("%s could not be sorted into %s (such as %s: %w)", plural(n, "file", "files"), to, r.Failed[0].File, r.Failed[0].Err)
	}
	return nil
}

func (a *app) tellTorn(torn bool) {
	if torn {
		a.warn("the last line of the journal was cut short and is ignored: nothing of it had been done")
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
	if err != nil {
		return err
	}
	a.tellTorn(u.Torn)
	if a.json {
		if err := a.printJSON(map[string]any{"undone": u.Back, "failed": len(u.Failed)}); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(a.out, "%s taken back from %s\n", plural(u.Back, "file", "files"), plain(dir)); err != nil {
		return err
	}
	if n := len(u.Failed); n > 0 {
		return fmt.Errorf("%s in %s no longer as sorted, and left as found (such as %s: %w); mend that and repeat the command", plural(n, "file is", "files are"), dir, u.Failed[0].File, u.Failed[0].Err)
	}
	return nil
}
