package main

import "github.com/spf13/pflag"

// addCSVSafe adds the flag that makes a CSV file safe to open in a spreadsheet.
func addCSVSafe(f *pflag.FlagSet, safe *bool) {
	f.BoolVar(safe, "csv-safe", false, "put an apostrophe before CSV cells that a spreadsheet would take for formulas")
}

// formulas tells of cells of a CSV file, named unless it goes to standard output, that a spreadsheet would compute.
func (a *app) formulas(file string, cells int, safe bool) {
	if file != "" {
		file += ": "
	}
	switch {
	case cells == 0:
	case safe:
		a.note("%s%s as formulas do, and now have an apostrophe before them", file, plural(cells, "cell begins", "cells begin"))
	default:
		a.warn("%s%s with =, +, - or @: a spreadsheet takes them for formulas; --csv-safe puts an apostrophe before them", file, plural(cells, "cell begins", "cells begin"))
	}
}
