package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
		folder := parts[0]
		if parts, err = extract.Parts(ctx, folder); err != nil {
			return err
		}
		if out == "" && slices.Equal(parts, []string{folder}) {
			return usagef("%s is a part, and parts are merged into a separate store: name it with --out", folder)
		}
		out = cmp.Or(out, folder)
	}
	m, err := extract.Merge(ctx, parts, out, a.hooks().Stage("merge", "images"))
	a.endStage()
	if err != nil {
		return err
	}
	out = bucket.Public(out)
	for _, part := range m.Unfinished {
		a.note("a later extraction into %s was not finished: the features merged are those of before it; run the same extraction again to finish it", bucket.Public(part))
	}
	if m.Kept > 0 {
		a.note("%s keeps the features of %s that no part contains; they are not used in training", out, plural(m.Kept, "image", "images"))
	}
	if a.json {
		return a.printJSON(map[string]any{"store": out, "parts": len(parts), "rows": m.Rows, "kept": m.Kept, "skipped": m.Skipped})
	}
	skipped := ""
	if m.Skipped > 0 {
		skipped = fmt.Sprintf(", %d skipped", m.Skipped)
	}
	_, err = fmt.Fprintf(a.out, "%s: %s from %s%s\n", plain(out), plural(m.Rows, "image", "images"), plural(len(parts), "part", "parts"), skipped)
	return err
}
