package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/head/methods"
	"iconic/models"
	"iconic/run"
)

// flagGroups lists the headings of a command's flags and the flags under each. The settings that methods declare have their own heading.
var flagGroups = []struct {
	title string
	flags []string
}{
	{"Data", []string{
		"labels-from", "split", "image-column", "label-column", "labels", "second", "graph", "features", "point", "images", "data", "dim", "watch", "every",
		"max-bad", "strict", "prune", "anew",
	}},
	{"Encoder", []string{
		"model", "precision", "image-size", "output", "attention-heads", "from", "resize", "crop", "whole", "mean", "std", "ignore-exif", "views",
		"view-seed", "float16",
	}},
	{"Clustering", []string{"clusters", "method", "seed", "seeds", "list", "resume", "names", "import", "no-curation"}},
	{methodTitle, nil},
	{"Duplicates", []string{"exact", "features-only", "correlation"}},
	{"Entries to remove", []string{"older-than", "larger-than", "keep-under", "kind", "dry-run"}},
	{"Server", []string{"listen", "health", "hosts", "places", "max-bytes", "max-pixels", "body-time", "answer-time", "drain"}},
	{"Output", []string{
		"out", "report", "page", "plot", "reference", "map-points", "to", "copy", "link", "hardlink", "move", "yes", "undo", "copy-to", "link-to",
		"with-preprocessing", "head-only", "force", "csv-safe", "version", "no-descriptions",
	}},
	{"Advanced", []string{
		"shard", "shard-rows", "memory", "threads", "decode-threads", "encoder-threads", "batch-images", "onnxruntime", "provider",
	}},
}

// methodTitle is the heading of the method settings. Each method uses some of them.
const methodTitle = "Method settings ('pipeline methods NAME' lists those that a method uses, and their defaults)"

// commonTitle is the heading of the flags that every command has.
const commonTitle = "Global flags"

// otherFlags is the heading of flags that belong to no group.
const otherFlags = "Other flags"

// essential lists the flags that most people need, for commands with many flags. --help-all shows the others.
var essential = map[string][]string{
	"pipeline demo":    {"out", "method", "clusters", "seed", "threads"},
	"pipeline run":     {"model", "clusters", "method", "out", "labels-from", "split", "precision", "max-bad", "seed", "resume"},
	"pipeline extract": {"model", "out", "labels-from", "split", "precision", "views", "float16", "max-bad", "memory", "shard"},
	"pipeline train":   {"clusters", "method", "out", "labels", "images", "second", "seed", "resume", "threads"},
	"pipeline methods": {"plot", "features", "point", "clusters", "labels", "second", "graph", "seed"},
	"pipeline sweep":   {"clusters", "method", "out", "labels", "seeds", "list", "shard", "threads", "neighbours", "sizes"},
	"pipeline predict": {"names", "copy-to", "link-to", "watch", "no-curation", "csv-safe", "max-bad", "memory", "model"},
	"pipeline serve":   {"listen", "health", "names", "no-curation", "memory", "max-bytes", "places", "answer-time", "model"},
	"pipeline export":  {"with-preprocessing", "head-only", "names", "no-curation", "force", "model"},
}

// helpAll is a flag without a value that requests the full help.
type helpAll struct{ asked *bool }

func (h helpAll) Set(string) error { *h.asked = true; return pflag.ErrHelp }

func (h helpAll) String() string { return "false" }

// Type is the type name shown in the flag's help.
func (h helpAll) Type() string { return "bool" }

// addHelp gives a command and its subcommands help with flags in groups.
func (a *app) addHelp(root *cobra.Command) {
	all := root.PersistentFlags().VarPF(helpAll{&a.helpAll}, "help-all", "", "show help with every flag")
	all.NoOptDefVal = "true"
	root.SetUsageFunc(func(c *cobra.Command) error {
		_, err := io.WriteString(c.OutOrStderr(), a.usage(c))
		return err
	})
	root.SetHelpCommand(&cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about a command",
		Example: "  pipeline help run",
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := c.Root().Find(args)
			if err == nil && of.HasSubCommands() {
				err = knownCommand(of, rest)
			}
			if err != nil {
				return err
			}
			return of.Help()
		},
	})
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		about := wrap(strings.TrimSpace(cmp.Or(c.Long, c.Short)), a.width())
		_, _ = fmt.Fprintf(c.OutOrStdout(), "%s\n\n%s", about, a.usage(c)) // a failure to print help is no error
	})
}

// usage is the help text of a command after its description.
func (a *app) usage(c *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(c.Example, "\n"))
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				lead := fmt.Sprintf("  %-*s  ", c.NamePadding(), sub.Name())
				for _, line := range fill(strings.Fields(sub.Short), max(a.width()-len(lead), leastColumn)) {
					fmt.Fprintf(&b, "%s%s\n", lead, line)
					lead = strings.Repeat(" ", len(lead))
				}
			}
		}
	}
	a.writeFlags(&b, c)
	common := pflag.NewFlagSet("", pflag.ContinueOnError)
	common.AddFlagSet(c.InheritedFlags())
	if !c.HasParent() {
		common.AddFlagSet(c.PersistentFlags())
	}
	if help := c.Flags().Lookup("help"); help != nil {
		help.Usage = "this help"
		common.AddFlag(help)
	}
	fmt.Fprintf(&b, "\n%s:\n%s", commonTitle, a.flagUsages(common))
	fmt.Fprintf(&b, exitHelp, exitDone, exitFailed, exitWrongUse, exitInterrupted, endless[c.CommandPath()])
	return b.String()
}

// endless says when an interrupt is the normal end of a command.
var endless = map[string]string{
	"pipeline predict": "; 0 with --watch",
	"pipeline serve":   "; 0 once it is serving",
	"pipeline curate":  "; 0 once it is serving",
}

// writeFlags writes a command's own flags. For a command with many flags it writes the essential ones only, unless --help-all is given.
func (a *app) writeFlags(b *strings.Builder, c *cobra.Command) {
	essential, many := essential[c.CommandPath()]
	if !many || a.helpAll {
		for _, g := range grouped(c) {
			fmt.Fprintf(b, "\n%s\n%s", wrap(g.title+":", a.width()), a.flagUsages(g.flags))
		}
		return
	}
	first := pflag.NewFlagSet("", pflag.ContinueOnError)
	first.SortFlags = false
	for _, name := range essential {
		if f := c.LocalFlags().Lookup(name); f != nil {
			first.AddFlag(f)
		}
	}
	rest := 0
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if first.Lookup(f.Name) == nil && f.Name != "help" && !f.Hidden {
			rest++
		}
	})
	more := wrap(fmt.Sprintf("%d more flags have sensible defaults; '%s --help-all' shows them.", rest, c.CommandPath()), a.width())
	fmt.Fprintf(b, "\nFlags:\n%s\n%s\n", a.flagUsages(first), more)
}

// flagUsages formats the descriptions of flags, wrapped.
func (a *app) flagUsages(f *pflag.FlagSet) string { return f.FlagUsagesWrapped(a.width()) }

// flagGroup is a heading and the flags of a command under it.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// grouped sorts a command's own flags into groups; flags without a group come last.
func grouped(c *cobra.Command) []flagGroup {
	settings := map[string]bool{}
	for _, s := range run.Settings() {
		settings[s.Name] = true
	}
	var groups []flagGroup
	taken := map[string]bool{"help": true, "help-all": true}
	c.PersistentFlags().VisitAll(func(f *pflag.Flag) { taken[f.Name] = true }) // the root's flags belong to every command
	add := func(title string, wanted func(name string) int) {
		var found []*pflag.Flag
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !taken[f.Name] && !f.Hidden && wanted(f.Name) >= 0 {
				found = append(found, f)
			}
		})
		if len(found) == 0 {
			return
		}
		slices.SortStableFunc(found, func(x, y *pflag.Flag) int { return wanted(x.Name) - wanted(y.Name) })
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		set.SortFlags = false
		for _, f := range found {
			taken[f.Name] = true
			set.AddFlag(f)
		}
		groups = append(groups, flagGroup{title, set})
	}
	for _, g := range flagGroups {
		add(g.title, func(name string) int {
			if g.flags == nil && settings[name] {
				return 0
			}
			return slices.Index(g.flags, name)
		})
	}
	add(otherFlags, func(string) int { return 0 })
	return groups
}

// addCompletion adds shell completion for the names of methods, encoders and other fixed values.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	var methodNames, encoderNames, providers []string
	for _, m := range methods.All() {
		methodNames = append(methodNames, cobra.CompletionWithDesc(m.About().Name, m.About().Purpose))
	}
	for _, e := range models.Registry() {
		encoderNames = append(encoderNames, cobra.CompletionWithDesc(e.Name, e.Title))
	}
	for _, p := range encoder.Providers() {
		providers = append(providers, string(p))
	}
	values := map[string][]string{
		"method": methodNames, "provider": providers, "precision": {"float32", "float16", "int8"}, "output": {"cls", "patch", "both", "as-is"},
		"labels-from": {string(dataset.First), string(dataset.Last), string(dataset.None)},
	}
	for _, c := range root.Commands() {
		for name, list := range values {
			if c.Flags().Lookup(name) != nil {
				cobra.CheckErr(c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)))
			}
		}
		if c.Flags().Lookup("model") != nil { // a name or a file
			names := append([]string{models.TinyName}, encoderNames...)
			cobra.CheckErr(c.RegisterFlagCompletionFunc("model", cobra.FixedCompletions(names, cobra.ShellCompDirectiveDefault)))
		}
		switch c.Name() {
		case "completion":
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() } // so that its arguments are checked
		case "assignments":
			cobra.CheckErr(c.MarkFlagFilename("out", "csv", "jsonl", "parquet"))
		case "methods":
			c.ValidArgsFunction = cobra.FixedCompletions(methodNames, cobra.ShellCompDirectiveNoFileComp)
		case "models":
			for _, sub := range c.Commands() {
				if sub.Name() != "list" {
					sub.ValidArgsFunction = cobra.FixedCompletions(encoderNames, cobra.ShellCompDirectiveDefault)
				}
			}
		}
	}
}
