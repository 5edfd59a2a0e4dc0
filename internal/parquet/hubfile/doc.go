// Package hubfile writes Parquet files of images in the form of the datasets library, which is used to share data sets: a structure image
// with bytes and path, whole numbers label, and the class names in the file's metadata. Scripts and tests use it; the command reads such
// files with package parquet.
package hubfile
