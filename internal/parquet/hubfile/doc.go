// Package hubfile writes Parquet files of images in the form of the datasets library, in which data sets are shared: a structure image of
// bytes and path, whole numbers label, and the names of the classes in the file's metadata. Scripts and tests use it; the command reads
// such files with package parquet.
package hubfile
