package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// idleFlags lists flags that have no effect beside another flag, or without one. Given so, they are refused; the first that applies is named.
var idleFlags = []idleFlag{
	{command: "sort", flags: []string{"to", "copy", "link", "hardlink", "move", "yes", "no-curation", "images", "image-column"}, beside: "undo",
		why: "--undo takes only the sorted folder, as in 'pipeline sort --undo DIR', and --%s is for sorting"},
	{command: "sort", flags: []string{"yes"}, without: "move", why: "--%s confirms --move, the only option that removes files from their place"},
	{command: "curate", flags: []string{"listen", "threads", "features", "images", "image-column"}, beside: "import", why: "--%s is for the page, which --import does not serve"},
	{command: "doctor", flags: []string{"dim", "views", "float16", "image-column"}, without: "data", why: "--%s is about the features of a planned extraction"},
	{command: "export", flags: []string{"with-preprocessing"}, beside: "head-only", why: "--%s is about images, and --head-only exports no encoder for them"},
	{command: "import", flags: []string{"force"}, without: "out", why: "--%s overwrites the file of --out, and an import in the cache is made again by itself when it is damaged"},
	{command: "evaluate", flags: []string{"images", "image-column"}, without: "page", why: "--%s is about the images on the page"},
	{command: "predict", flags: []string{"every"}, without: "watch", why: "--%s is how often --watch looks for new images"},
	{command: "predict", flags: []string{"max-bad"}, beside: "watch", why: "--%s is about the share among all images, and --watch goes on until it is interrupted"},
	{command: "predict", flags: []string{"csv-safe"}, beside: "json", why: "--%s applies to CSV, and --json writes JSON"},
	{command: "duplicates", flags: []string{"csv-safe"}, without: "out", why: "--%s applies to the tables of --out"},
	{command: "duplicates", flags: []string{"correlation"}, beside: "exact", why: "--%s applies to comparing images, which --exact does not do"},
	{command: "duplicates", flags: []string{"correlation"}, beside: "features-only", why: "--%s applies to comparing images, which --features-only does not do"},
	{command: "duplicates", flags: []string{"features-only"}, beside: "exact", why: "--%s is about near duplicates, which --exact does not look for"},
	{command: "sweep", flags: []string{"shard"}, beside: "report", why: "--%s says what to train, and --report trains nothing"},
	{flags: []string{"view-seed"}, without: "views", why: "--%s determines the augmented views, of which --views 1 makes none"},
	{flags: []string{"resize"}, beside: "whole", why: "--%s is the length before cropping, and --whole does not crop"},
	{flags: []string{"max-bad"}, beside: "strict", why: "--%s limits the bad images that are skipped, and --strict skips none"},
}

// idleFlag is one entry: each of the flags has no effect if beside is given, or unless without is.
type idleFlag struct {
	command         string // the last word of the command's path; "": any that has both flags
	flags           []string
	beside, without string
	why             string // with %s for the flag
}

// refuseIdle fails if a flag is given that has no effect beside the others.
func refuseIdle(c *cobra.Command) error {
	for _, entry := range idleFlags {
		other := c.Flags().Lookup(entry.beside + entry.without)
		if entry.command != "" && entry.command != c.Name() || other == nil || (other.Value.String() != other.DefValue) != (entry.beside != "") {
			continue
		}
		i := slices.IndexFunc(entry.flags, c.Flags().Changed)
		if i < 0 {
			continue
		}
		name, way := entry.flags[i], "leave one of them out"
		if entry.without != "" {
			way = fmt.Sprintf("give --%s, or leave --%s out", entry.without, name)
		}
		return usagef(entry.why+": %s", name, way)
	}
	return nil
}

// idle notes which of some flags are given although they have no effect, and why.
func (a *app) idle(f *pflag.FlagSet, why string, names ...string) {
	var given []string
	for _, name := range names {
		if f.Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) > 0 {
		a.note("%s %s no effect: %s", strings.Join(given, ", "), wordFor(len(given), "has", "have"), why)
	}
}
