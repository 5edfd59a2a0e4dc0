// Package mirror keeps feature stores in buckets.
//
// A store's shards are memory-mapped, renamed and locked, which is impossible with objects. Therefore a store in a bucket has a local
// folder while it is in use: Open downloads what the bucket has of it, Keep uploads each finished shard together with its journal, and Push
// makes the bucket equal to the folder: shards first, and last the manifest that names them. A process that is killed in between, on this
// or another machine, resumes from the uploaded shards.
//
// Unlike on a disk, two processes that write the same store to a bucket are not kept apart. They do no harm: a store depends only on the
// data and the settings, so both write the same bytes.
package mirror
