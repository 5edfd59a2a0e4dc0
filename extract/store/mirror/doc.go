// Package mirror keeps feature stores in buckets.
//
// A store's shards are mapped into memory, renamed and locked, which objects cannot be. So a store in a bucket has a folder here while it
// is worked on: Open brings what the bucket has of it, Keep sends each shard as soon as it is finished, with the journal that gives it a
// meaning, and Push makes the bucket what the folder has become: shards first, the manifest that names them last. Whoever is killed in
// between, here or on another machine, goes on from the shards that were sent.
//
// Two processes that write the same store to a bucket are not kept apart, as they are on a disk. They do no harm: a store is a function of
// the data and the settings, so that both write the same bytes.
package mirror
