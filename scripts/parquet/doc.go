// Command parquet writes a data set of images as a Parquet file in the form of the datasets library, for measurements and tests:
//
//	go run ./scripts/parquet -data ../shared/data/cifar100-test.tar -out cifar100-test.parquet
//
// Rows are in the order of the data set, so that features of the file are those of the data set, row by row.
package main
