package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"iconic/extract"
	"iconic/internal/bucket"
)

func newMergeCommand(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "merge STORE | merge PART… --out STORE",
		Short: "Merge the parts of an extraction",
		Long: `Merge the parts of an extraction.

'pipeline extract --shard i/n --out STORE' makes folders STORE/part-…; 'pipeline merge STORE' merges them into one feature store
in STORE, identical byte for byte to the store from a single extraction. Name each part if the parts were made on machines without a shared disk.
Features that the store has already, and no part has, are kept but not used in training.
Parts and store may be in a bucket (s3://bucket/prefix).`,
		Example: `  pipeline merge stores/photos
  pipeline merge a/part-00001-of-00002 b/part-00002-of-00002 --out stores/photos`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.runMerge(c.Context(), args, out) },
	}
	c.Flags().StringVarP(&out, "out", "o", "", "folder of the feature store (default: STORE itself)")
	return c
}

func (a *app) runMerge(ctx context.Context, parts []string, out string) (err error) {
	switch {
	case len(parts) > 1 && out == "":
		return usagef("several parts are merged into a separate store: name it with --out")
	case len(parts) == 1:
		out = cmp.Or(out, parts[0])
		if parts, err = extract.Parts(ctx, parts[0]); err != nil {
			return err
		}
	}
	rows, kept, err := extract.Merge(ctx, parts, out, a.hooks().Stage("merge", "images"))
	a.endStage()
	if err != nil {
		return err
	}
	out = bucket.Public(out)
	if kept > 0 {
		a.note("%s keeps the features of %s that no part contains; they are not used in training", out, plural(kept, "image", "images"))
	}
	if a.json {
		return a.printJSON(map[string]any{"store": out, "parts": len(parts), "rows": rows, "kept": kept})
	}
	_, err = fmt.Fprintf(a.out, "%s: %s from %s\n", plain(out), plural(rows, "image", "images"), plural(len(parts), "part", "parts"))
	return err
}
