package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/report"
)

// eachCommand calls f with every command that has something to run.
func eachCommand(f func(*cobra.Command)) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() {
			f(c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := newRootCommand(&app{out: io.Discard, err: io.Discard})
	root.InitDefaultCompletionCmd()
	walk(root)
}

// TestEveryFlagHasAGroup: help shows flags under headings, and a flag without one is easily missed.
func TestEveryFlagHasAGroup(t *testing.T) {
	seen := 0
	eachCommand(func(c *cobra.Command) {
		for _, g := range grouped(c) {
			g.flags.VisitAll(func(f *pflag.Flag) {
				seen++
				if g.title == otherFlags {
					t.Errorf("%s: --%s is under no heading: add it to flagGroups", c.CommandPath(), f.Name)
				}
			})
		}
	})
	if seen < 200 {
		t.Errorf("only %d flags were seen", seen)
	}
}

// TestEssentialFlagsExist: every essential flag exists, and there are others that help leaves out.
func TestEssentialFlagsExist(t *testing.T) {
	left := len(essential)
	eachCommand(func(c *cobra.Command) {
		list, many := essential[c.CommandPath()]
		if !many {
			return
		}
		left--
		if len(list) > 10 {
			t.Errorf("%s shows %d flags first, want 10 at most", c.CommandPath(), len(list))
		}
		all := 0
		c.LocalFlags().VisitAll(func(*pflag.Flag) { all++ })
		if all <= len(list)+1 {
			t.Errorf("%s has no flags to leave out", c.CommandPath())
		}
		for _, name := range list {
			if c.LocalFlags().Lookup(name) == nil {
				t.Errorf("%s has no flag --%s", c.CommandPath(), name)
			}
		}
	})
	if left != 0 {
		t.Errorf("%d commands in the list do not exist", left)
	}
}

// TestEveryHelpHasAnExample: every help text shows an example call.
func TestEveryHelpHasAnExample(t *testing.T) {
	eachCommand(func(c *cobra.Command) {
		if !c.HasExample() && !strings.HasPrefix(c.CommandPath(), "pipeline completion") {
			t.Errorf("%s has no example", c.CommandPath())
		}
	})
}

// TestHelpIsNarrow: help fits a terminal of 80 columns.
func TestHelpIsNarrow(t *testing.T) {
	lines := 0
	root := newRootCommand(&app{out: io.Discard, err: io.Discard})
	root.InitDefaultCompletionCmd()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, flag := range []string{"--help", "--help-all"} {
			var out bytes.Buffer
			a := &app{out: &out, err: io.Discard}
			root := newRootCommand(a)
			root.SetArgs(append(strings.Fields(c.CommandPath())[1:], flag))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				lines++
				line = strings.TrimRight(line, "\n")
				if utf8.RuneCountInString(line) > plainWidth {
					t.Errorf("%s %s: %q is wider than %d", c.CommandPath(), flag, line, plainWidth)
				}
			}
		}
		for _, sub := range c.Commands() {
			if !strings.HasPrefix(sub.CommandPath(), "pipeline completion") { // whose text is cobra's
				walk(sub)
			}
		}
	}
	walk(root)
	if lines < 1000 {
		t.Errorf("only %d lines of help were seen", lines)
	}
}

// Paragraphs are filled, lines that begin with a space stay, and the last column of a table keeps below its head.
func TestWrap(t *testing.T) {
	if got, want := wrap("one two three\nfour five\n\n  as it is, however long\nsix", 13), "one two three\nfour five\n\n  as it is, however long\nsix"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	table := newTable("A", "WHAT IT IS")
	table.row("é", "many words that do not fit on one line of a small terminal")
	table.row("b", "few")
	var out strings.Builder
	if err := table.fitted(30).print(&out); err != nil {
		t.Fatal(err)
	}
	want := "A  WHAT IT IS\né  many words that do not fit\n   on one line of a small\n   terminal\nb  few\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// A table that does not fit a terminal even if its last column is wrapped has a block for each row, and no line is longer than the terminal is wide.
func TestNarrowTables(t *testing.T) {
	wide := newTable("NAME", "WHAT IT IS", "LICENCE")
	wide.row("first", "an encoder of 21.7 million numbers", "Apache-2.0")
	wide.row("", "its continuation", "")
	wide.row("folder", "runs/a")
	short := newTable("NAME", "WORDS")
	short.row("a name of thirty letters, about", "few")
	lines := new(table)
	lines.row("a name of thirty letters, about", "many words that do not fit on the line")
	for name, c := range map[string]struct {
		table *table
		width int
		want  string
	}{
		"blocks":              {wide, 40, "NAME\nfirst\n  WHAT IT IS  an encoder of 21.7 million\n              numbers\n  LICENCE     Apache-2.0\n  WHAT IT IS  its continuation\nfolder  runs/a\n"},
		"a short last column": {short, 40, "NAME                             WORDS\na name of thirty letters, about  few\n"},
		"without names":       {lines, 40, "a name of thirty letters, about  many words that do not fit on the line\n"},
	} {
		var out strings.Builder
		if err := c.table.fitted(c.width).print(&out); err != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%q, want\n%q", name, err, out.String(), c.want)
		}
	}
}

// The summary of a run has a column only for what there is.
func TestSummaryColumns(t *testing.T) {
	labelled := &report.Labelled{AccuracyInterval: [2]report.Number{.4, .6}, ECEInterval: [2]report.Number{.1, .2}}
	for want, m := range map[string]*report.Metrics{
		"2 images\thead":                                          {N: 2},
		"2 images\thead\tk-means":                                 {N: 2, KMeans: &report.Metrics{}},
		"1 image\thead\t95 % interval (fixed matching)":           {N: 1, Labelled: labelled},
		"2 images\thead\tk-means\t95 % interval (fixed matching)": {N: 2, Labelled: labelled, KMeans: &report.Metrics{Labelled: labelled}},
	} {
		got := summaryTable(m).lines
		if got[0] != want {
			t.Errorf("%q, want %q", got[0], want)
		}
		for _, line := range got {
			if strings.Count(line, "\t") != strings.Count(want, "\t") || strings.Contains(line, "0.400") && !strings.HasSuffix(line, "\t0.400 to 0.600") {
				t.Errorf("%q below %q", line, want)
			}
		}
	}
}
