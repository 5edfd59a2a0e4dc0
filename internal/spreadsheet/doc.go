// Package spreadsheet writes CSV files whose cells are not computed, and reads them.
//
// Spreadsheets interpret a cell as a formula if it begins with =, +, -, @, a tab or a carriage return, whoever wrote it: a file named
// "=HYPERLINK(…)" becomes active in the table that lists it. OWASP ("CSV injection") recommends an apostrophe before such a cell, which
// spreadsheets hide but other programs see; so the user has to decide, and the program has to tell the user.
package spreadsheet
