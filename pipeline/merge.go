package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"iconic/extract/store"
	"iconic/extract/store/mirror"
	"iconic/internal/bucket"
)

func newMergeCommand(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "merge STORE | merge PART… --out STORE",
		Short: "Put the parts of an extraction together",
		Long: `Put the parts of an extraction together.

'pipeline extract --shard i/n --out STORE' makes folders STORE/part-…; 'pipeline merge STORE' makes one feature store of them,
in STORE, byte for byte the same as a single extraction would have made. Parts made on machines that share no disk are named one by one. Parts and store
may lie in a bucket (s3://bucket/prefix).`,
		Example: `  pipeline merge stores/photos
  pipeline merge a/part-00001-of-00002 b/part-00002-of-00002 --out stores/photos`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.runMerge(c.Context(), args, out) },
	}
	c.Flags().StringVarP(&out, "out", "o", "", "folder of the feature store (default: STORE itself)")
	return c
}

func (a *app) runMerge(ctx context.Context, parts []string, out string) (err error) {
	if len(parts) > 1 && out == "" {
		return usagef("several parts are merged into a store of its own: give it with --out")
	}
	if len(parts) == 1 {
		if out == "" {
			out = parts[0]
		}
		list := store.Parts
		if bucket.Is(parts[0]) {
			list = func(address string) ([]string, error) { return mirror.Parts(ctx, address) }
		}
		if parts, err = list(parts[0]); err != nil {
			return err
		}
	}
	folders, drop, err := localParts(ctx, parts)
	defer func() { err = errors.Join(err, drop()) }()
	if err != nil {
		return err
	}
	dir := out
	var kept *mirror.Mirror
	if bucket.Is(out) {
		if kept, err = mirror.Open(ctx, out); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, kept.Close()) }()
		dir = kept.Dir
	}
	rows, err := store.Merge(ctx, folders, dir, a.hooks().Stage("merge", "images"))
	a.endStage()
	if err == nil && kept != nil {
		err = kept.Push()
	}
	if err != nil {
		return err
	}
	out = bucket.Public(out)
	if a.json {
		return a.printJSON(map[string]any{"store": out, "parts": len(parts), "rows": rows})
	}
	fmt.Fprintf(a.out, "%s: %d images from %d parts\n", out, rows, len(parts))
	return nil
}

// localParts gives the folders of parts, of which those that lie in buckets are brought here until drop is called.
func localParts(ctx context.Context, parts []string) (folders []string, drop func() error, err error) {
	var all []*mirror.Mirror
	drop = func() (err error) {
		for _, m := range all {
			err = errors.Join(err, m.Close())
		}
		return err
	}
	for _, part := range parts {
		if bucket.Is(part) {
			m, err := mirror.Open(ctx, part)
			if err != nil {
				return nil, drop, err
			}
			all = append(all, m)
			part = m.Dir
		}
		folders = append(folders, part)
	}
	return folders, drop, nil
}
