// Package exchange writes who is in which cluster in forms that other programs read: CSV, JSON lines and Parquet.
//
// All three have the same columns. A path that is not UTF-8 stands in JSON and Parquet as text with replacements, and whole in the column
// path_bytes; in CSV it stands as it is.
package exchange
