package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"iconic/internal/atomicfile"
	"iconic/report/exchange"
	"iconic/run"
)

func newAssignmentsCommand(a *app) *cobra.Command {
	var o assignmentsOptions
	c := &cobra.Command{
		Use:   "assignments RUN [--out FILE]",
		Short: "List the cluster of each image as CSV, JSON lines or Parquet",
		Long: `List the cluster of each image of a run as CSV, JSON lines or Parquet, including the changes made in 'pipeline curate'.

Columns: path, label (the name of the true class), cluster, name (of the cluster), confidence, excluded (left out by hand). In JSON lines
and Parquet, a path that is not UTF-8 is also given as path_bytes. Without --out, the list goes to standard output as CSV, or as JSON lines
with --json; the extension of a file determines its format.`,
		Example: `  pipeline assignments out > out.csv
  pipeline assignments out --out out.parquet`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.assignments(args[0], &o) },
	}
	f := c.Flags()
	f.StringVarP(&o.out, "out", "o", "", "file to write, ending in .csv, .jsonl or .parquet (default: standard output)")
	addCSVSafe(f, &o.csvSafe)
	addNoCuration(f, &o.noCuration)
	return c
}

type assignmentsOptions struct {
	out                 string
	csvSafe, noCuration bool
}

// format is the output format.
func (o *assignmentsOptions) format(json bool) (exchange.Format, error) {
	format := exchange.CSV
	switch {
	case o.out != "":
		format = exchange.Format(strings.TrimPrefix(strings.ToLower(filepath.Ext(o.out)), "."))
		if !slices.Contains(exchange.Formats, format) {
			return "", usagef("%s: the file's extension determines its format: want .csv, .jsonl or .parquet", o.out)
		}
	case json:
		format = exchange.JSONL
	}
	if o.csvSafe && format != exchange.CSV {
		return "", usagef("--csv-safe applies to CSV only, and the output is %s: leave it out", format)
	}
	return format, nil
}

func (a *app) assignments(dir string, o *assignmentsOptions) error {
	format, err := o.format(a.json)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := writable(o.out); err != nil {
			return err
		}
	}
	f, err := run.OpenAs(dir, o.noCuration, a.hooks())
	if err != nil {
		return err
	}
	computed := 0
	write := func(w io.Writer) (err error) {
		computed, err = format.Write(w, f.Rows(), o.csvSafe)
		return err
	}
	if o.out == "" {
		err = write(a.out)
	} else if err = atomicfile.MakeFolder(o.out); err == nil {
		err = atomicfile.Write(o.out, write)
	}
	if err != nil {
		return err
	}
	a.formulas(o.out, computed, o.csvSafe)
	if o.out != "" && a.json {
		return a.printJSON(map[string]any{"file": o.out, "images": len(f.Table.Paths)})
	}
	if o.out != "" {
		_, err = fmt.Fprintf(a.out, "%s: %s\n", plain(o.out), plural(len(f.Table.Paths), "image", "images"))
	}
	return err
}
