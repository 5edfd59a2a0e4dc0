// Package s3test is a small S3 server for tests: it lists and serves objects that a test puts into it, and remembers which were read.
package s3test
