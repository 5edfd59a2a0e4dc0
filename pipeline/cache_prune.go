package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"iconic/cache"
	"iconic/internal/age"
	"iconic/internal/budget"
)

func newCachePruneCommand(a *app) *cobra.Command {
	var o struct {
		older  age.Age
		larger size
		under  size
		kinds  []string
		dry    bool
	}
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove unused or large entries",
		Long: `Remove entries that have not been used for long or are large.

An entry is removed if it matches all of --older-than, --larger-than and --kind that are given. With --keep-under, matching entries are
removed, least recently used first, only until the whole cache is that small. Entries in use by a process are never
removed; graphs are removed together with their features.`,
		Example: `  pipeline cache prune --older-than 30d --dry-run
  pipeline cache prune --keep-under 20GB
  pipeline cache prune --kind features,graphs --larger-than 1GB`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			rule := cache.Rule{OlderThan: time.Duration(o.older), LargerThan: o.larger.bytes}
			for _, k := range o.kinds {
				rule.Kinds = append(rule.Kinds, cache.Kind(k))
			}
			if o.under.set {
				keep := o.under.bytes
				rule.Keep = &keep
			}
			if rule.OlderThan == 0 && rule.LargerThan == 0 && rule.Keep == nil && rule.Kinds == nil {
				return usagef("say what to remove with --older-than, --larger-than, --keep-under or --kind")
			}
			if err := rule.Validate(); err != nil {
				return usageError{err}
			}
			p, err := cache.Prune(c.Context(), rule, o.dry)
			if p != nil {
				if perr := a.printPruned(p, o.dry); perr != nil {
					return perr
				}
			}
			return err
		},
	}
	f := c.Flags()
	f.Var(&o.older, "older-than", "only entries unused for longer than this, such as 30d, 2w or 12h")
	f.Var(&o.larger, "larger-than", "only entries larger than this, such as 500MB or 2GB")
	f.Var(&o.under, "keep-under", "remove least recently used entries until the cache is this small, such as 20GB")
	f.StringSliceVar(&o.kinds, "kind", nil, "only these kinds: features, graphs, encoder, weights, runtime, index, rest")
	var kinds []string
	for _, k := range cache.Kinds() {
		kinds = append(kinds, string(k))
	}
	cobra.CheckErr(c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp)))
	f.BoolVarP(&o.dry, "dry-run", "n", false, "list what would be removed, but remove nothing")
	return c
}

// size is a flag for a number of bytes, 0 included.
type size struct {
	bytes int64
	set   bool
}

// Set parses a size.
func (s *size) Set(text string) (err error) {
	s.bytes, err = budget.Bytes(text)
	s.set = err == nil
	return err
}

func (s *size) String() string {
	if !s.set {
		return ""
	}
	return budget.Format(s.bytes)
}

// Type is the type name shown in the flag's help.
func (s *size) Type() string { return "size" }

func (a *app) printPruned(p *cache.Pruned, dry bool) error {
	if a.json {
		return a.printJSON(struct {
			*cache.Pruned
			DryRun bool `json:"dry_run"`
		}{p, dry})
	}
	if len(p.Removed) > 0 {
		if err := a.printEntries(p.Removed); err != nil {
			return err
		}
		fmt.Fprintln(a.out)
	}
	for _, e := range p.Passed {
		a.note("%s is in use and was kept", e.Name)
	}
	verb := "removed"
	if dry {
		verb = "would be removed"
	}
	_, err := fmt.Fprintf(a.out, "%s %s; %s kept\n", budget.Format(p.Bytes), verb, budget.Format(p.Left))
	return err
}
