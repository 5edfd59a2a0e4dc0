// Package bucket reads and writes objects where they lie: in a bucket of S3 or of what speaks as it does (s3://bucket/prefix), and, of
// single files, behind https. Builds with the tag clouds know Google's and Azure's stores, too (gs://, azblob://); their libraries
// double the time to compile, so that a plain build leaves them out and says so.
//
// A Reader is an object of one version, that which was there when it was listed or asked for: an object that is replaced meanwhile is
// an error that names it (ErrChanged), never a mixture of two. Requests ask for ranges, at most 32 at once; one that fails for a reason
// that may pass (5xx, a cut connection, half a minute of silence) is sent again, six times, waiting twice as long each time.
//
// Credentials come from the usual environment alone: for S3 AWS_ACCESS_KEY_ID and the rest of what Amazon's tools read, with
// AWS_ENDPOINT_URL for another server. None is taken from an address, and none stands in an error: Public shows an address without
// its query.
package bucket
