package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"iconic/cache"
	"iconic/internal/age"
	"iconic/internal/budget"
)

func newCacheCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "List the cache, and remove old or large entries",
		Long: `List the cache, and remove old or large entries.

Image features, neighbour graphs, encoders with their weights and the ONNX Runtime library are kept in one folder, so that
nothing is computed or downloaded twice. Anything removed is made or downloaded again when needed. Stores and run folders that you
named with --out or --features are elsewhere and are never touched.`,
		Example: `  pipeline cache
  pipeline cache --json
  pipeline cache prune --older-than 30d --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			entries, err := cache.List(c.Context())
			if err != nil {
				return err
			}
			return a.printCache(entries)
		},
	}
	c.AddCommand(newCachePruneCommand(a))
	return c
}

func (a *app) printCache(entries []cache.Entry) error {
	folder, err := cache.Folder()
	if err != nil {
		return err
	}
	if a.json {
		if entries == nil {
			entries = []cache.Entry{}
		}
		return a.printJSON(struct {
			Folder string        `json:"folder"`
			Bytes  int64         `json:"bytes"`
			Kept   []cache.Entry `json:"kept"`
		}{folder, cache.Bytes(entries), entries})
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintf(a.out, "The cache in %s is empty.\n", plain(folder))
		return err
	}
	if err := a.printEntries(entries); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "\n%s in %s\n", budget.Format(cache.Bytes(entries)), plain(folder))
	return err
}

// printEntries writes one line per entry, or two on a narrow terminal.
func (a *app) printEntries(entries []cache.Entry) error {
	whole, narrow, now := newTable("KIND", "SIZE", "LAST USED", "STATE", "NAME", "DESCRIPTION"), newTable("KIND", "SIZE", "LAST USED", "STATE", "DESCRIPTION AND NAME"), time.Now()
	for _, e := range entries {
		state := string(e.State)
		if e.State == cache.Kept {
			state = "kept"
		}
		line := []string{string(e.Kind), budget.Format(e.Bytes), age.Since(now.Sub(e.Used)), state}
		whole.row(append(line, plain(e.Name), plain(e.Detail))...)
		narrow.row(append(line, plain(e.Detail))...)
		narrow.row("", "", "", "", plain(e.Name))
	}
	if columns, terminal := a.columns(); terminal && !whole.fits(columns) && narrow.fits(columns) {
		return a.printTable(narrow)
	}
	return a.printTable(whole)
}
