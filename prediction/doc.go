// Package prediction assigns new images to the clusters of a trained run: image files, everything that package extract/dataset lists
// (folders, lists, archives, Parquet files, buckets), and the rows of feature stores, for which no encoder is needed.
//
// Run calls a function with every image, in the order of the data; Images does the same as an iterator. With Options.Watch, Run checks the
// data repeatedly and visits images that are new or have changed. With Options.Folders, it also puts the files into one folder per cluster.
// Data that do not fit the options are refused before any image is read, with an *OptionsError.
//
// Package classify has the model itself, for images that a program holds in memory.
package prediction
