package main

import "github.com/spf13/pflag"

// addCSVSafe adds the flag that makes a CSV file safe to open in a spreadsheet.
func addCSVSafe(f *pflag.FlagSet, safe *bool) {
	f.BoolVar(safe, "csv-safe", false, "put an apostrophe before CSV cells that a spreadsheet would read as formulas")
}

// formulas reports cells of a CSV file that a spreadsheet would read as formulas. The file is named unless it is standard output.
func (a *app) formulas(file string, cells int, safe bool) {
	if file != "" {
		file += ": "
	}
	switch {
	case cells == 0:
	case safe:
		a.note("%s%s like a formula; an apostrophe was put before %s", file, plural(cells, "cell begins", "cells begin"), wordFor(cells, "it", "them"))
	default:
		a.warn("%s%s with =, +, - or @, which a spreadsheet reads as a formula; --csv-safe puts an apostrophe before %s", file, plural(cells, "cell begins", "cells begin"), wordFor(cells, "it", "them"))
	}
}
