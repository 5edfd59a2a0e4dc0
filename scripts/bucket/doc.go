// Command bucket compares extraction from a local S3 server with extraction of the same data from disk: archives, Parquet
// and class folders.
//
//	go run ./scripts/bucket -shared ../shared
//
// The server is versitygw (scripts/s3), on the loopback interface; with -delay a proxy delays every answer, like a
// distant server. The encoder is a small one of ../shared/vit, unless -model names another. Runs take turns. For each form of the data it prints the median rate
// reported by the command, from disk and from the server, their ratio, and the ratios of the command's total time (including listing) and of its
// CPU time, alone and including the server's (on Linux; on a shared machine only these are comparable). It fails
// if the ratio of the rates is below -least.
//
// If all CPUs are busy with encoding, the server's own CPU time counts against the bucket.
package main
