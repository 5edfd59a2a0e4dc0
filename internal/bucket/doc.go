// Package bucket reads and writes objects in buckets of S3 or compatible servers (s3://bucket/prefix), and reads single files over https.
// Builds with the tag clouds also support Google's and Azure's stores (gs://, azblob://); their libraries double the compile time, so a
// plain build leaves them out and says so.
//
// A Reader reads one version of an object, the one that was listed or requested: if the object is replaced in the meantime, the result is
// an error that names it (ErrChanged), never a mixture of two. Requests ask for ranges, at most 32 at once; one that fails for a transient
// reason (5xx, a broken connection, half a minute of silence) is sent again, up to six times, waiting twice as long each time.
//
// Credentials come only from the usual environment: for S3, AWS_ACCESS_KEY_ID and the other settings that Amazon's tools read, with
// AWS_ENDPOINT_URL for another server. They are never taken from an address, and never appear in an error: Public shows an address without
// its query.
package bucket
