// Package spreadsheet keeps cells of CSV files from being computed.
//
// Spreadsheets take a cell for a formula when it begins with =, +, -, @, a tab or a carriage return, whoever wrote it: a file
// named "=HYPERLINK(…)" acts in the table that lists it. OWASP ("CSV injection") recommends an apostrophe before such a cell,
// which spreadsheets hide and other programs see; so it is for the user to decide, and for the program to tell him.
package spreadsheet

import "strings"

// Computed tells whether a spreadsheet would take a cell for a formula.
func Computed(cell string) bool {
	return cell != "" && strings.IndexByte("=+-@\t\r", cell[0]) >= 0
}

// Text is a cell that no spreadsheet computes: with an apostrophe before it where it needs one.
func Text(cell string) string {
	if Computed(cell) {
		return "'" + cell
	}
	return cell
}
