// Package table reads the small tables in which people keep paths and labels, whichever program wrote them: one value a
// line, or columns between commas, semicolons, tabs or bars, quoted as in CSV, in UTF-8 with or without a byte order mark
// or in UTF-16.
//
// What separates the columns is what gives every line the same number of them, two or more. A first row is a header
// if one of its cells is a name that columns of paths, labels or splits are known by. The number of rows that somebody
// expects plays no part in it: a file that is one row short must not pass by losing its header.
package table
