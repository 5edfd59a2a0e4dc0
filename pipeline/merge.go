package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"iconic/extract/store"
)

func newMergeCommand(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "merge STORE | merge PART… --out STORE",
		Short: "Put the parts of an extraction together",
		Long: `Put the parts of an extraction together.

'pipeline extract --shard i/n --out STORE' makes folders STORE/part-…; 'pipeline merge STORE' makes one feature store of them,
in STORE, the same byte for byte as one run would have made. Parts made on machines that share no disk are named one by one.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.runMerge(c.Context(), args, out) },
	}
	c.Flags().StringVarP(&out, "out", "o", "", "folder of the feature store (default: STORE itself)")
	return c
}

func (a *app) runMerge(ctx context.Context, parts []string, out string) error {
	if len(parts) > 1 && out == "" {
		return usagef("several parts are merged into a store of its own: give it with --out")
	}
	if len(parts) == 1 {
		if out == "" {
			out = parts[0]
		}
		var err error
		if parts, err = store.Parts(parts[0]); err != nil {
			return err
		}
	}
	rows, err := store.Merge(ctx, parts, out, a.hooks().Stage("merge", "images"))
	a.endStage()
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"store": out, "parts": len(parts), "rows": rows})
	}
	fmt.Fprintf(a.out, "%s: %d images from %d parts\n", out, rows, len(parts))
	return nil
}
