// Command parquet writes an image data set as a Parquet file in the format of the datasets library, for measurements and tests:
//
//	go run ./scripts/parquet -data ../shared/data/cifar100-test.tar -out cifar100-test.parquet
//
// Rows are in the order of the data set, so that the file's features equal those of the data set, row by row.
package main
