// Package store keeps features on disk, so that no image is encoded twice.
//
// A store is a folder:
//
//	manifest.json        what made the features (encoder, preprocessing, views), their shape, the shards' checksums
//	items.jsonl          one line per item, ascending by path: row, path, label, size, content hash; or why it was skipped
//	features-00000.npy   rows × views × dim, little-endian float32 or float16; all shards but the last have equally many rows
//
// A store depends only on the data and the settings. Whether it was made in one run, in a run that was killed and resumed, by adding,
// changing and removing files, or by encoding parts separately and merging them, its bytes are the same. This follows from how a Writer
// works: it receives the items in the order of their paths, takes the features of every known content from wherever they are (old shards,
// unfinished ones, the parts of a merge), and writes only shards that differ from the existing ones.
//
// The JPEG decoder is one of the settings. Today's libjpeg-turbo and the decoder in Go agree to the last bit, but that cannot be promised
// of every version, so a store is only finished or merged with the decoder it was begun with.
//
// Stores with the same encoder, preprocessing, decoder and engine lend features to each other, by content: a Pool is the set of stores from
// which a Writer may copy. Copied features equal those that encoding would give, so the bytes of a store do not depend on the lender.
//
// Until everything is done, finished shards lie in the folder .partial, each beside a journal of its items; an old store remains readable
// in the meantime. Commit moves them to their final names; the new manifest, first written inside .partial, allows an interrupted commit to
// be rolled forward. One Writer at a time holds a lock, which ends with its process; readers need none.
package store
