// Package spreadsheet writes CSV files whose cells are not computed.
//
// Spreadsheets take a cell for a formula when it begins with =, +, -, @, a tab or a carriage return, whoever wrote it: a file
// named "=HYPERLINK(…)" acts in the table that lists it. OWASP ("CSV injection") recommends an apostrophe before such a cell,
// which spreadsheets hide and other programs see; so it is for the user to decide, and for the program to tell him.
package spreadsheet
