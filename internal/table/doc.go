// Package table reads small tables of paths and labels, whichever program wrote them: one value per line, or columns separated by commas,
// semicolons, tabs or bars, quoted as in CSV, in UTF-8 with or without a byte order mark or in UTF-16.
//
// The separator is the character that gives every line the same number of columns, two or more. A first row is a header if one of its cells
// is a known name for columns of paths, labels or splits. The expected number of rows plays no part in this: a file with one missing row
// must not be accepted by treating its header as data.
package table
