// Package exchange writes the cluster of each image in formats that other programs read: CSV, JSON lines and Parquet.
//
// All three have the same columns. In JSON and Parquet, a path that is not UTF-8 is written with replacement characters, and unchanged in the column
// path_bytes; CSV contains it unchanged.
package exchange
