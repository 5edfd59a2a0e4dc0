// Command bucket measures extraction from a server of S3 on this machine against extraction of the same data from disk: archives, Parquet
// and class folders.
//
//	go run ./scripts/bucket -shared ../shared
//
// The server is versitygw (scripts/s3), over the loopback; -delay has a proxy before it hold every answer back for so long, as one that
// is far away does. The encoder is a small one of ../shared/vit, unless -model names another. Runs take turns. For each form of the data it prints the median rate, as
// the command tells it, from disk and from the server, their ratio, and the ratios of the whole command's time (with listing) and of its
// processor time, alone and with the server's (on Linux; where others use the machine as well, these are what can be compared). It fails
// where the ratio of the rates is below -least.
//
// On a machine whose processors are all busy with encoding, what the server itself takes of them counts against the bucket.
package main
