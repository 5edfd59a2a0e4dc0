// Package store keeps features on disk, so that no image is encoded twice.
//
// A store is a folder:
//
//	manifest.json        what made the features (encoder, preprocessing, views), their shape, the shards' checksums
//	items.jsonl          one line an item, ascending by path: row, path, label, size, content hash; or why it was skipped
//	features-00000.npy   rows × views × dim, little-endian float32 or float16; all shards but the last have equally many rows
//
// A store is a function of the data and the settings alone. Whatever way led to it — one run, a run that was killed
// and resumed, files added, changed and dropped again, parts encoded apart and merged — its bytes are the same. That
// follows from how a Writer works: it is told the items in the order of their paths, takes the features of every
// content that is known from wherever they are (the old shards, the unfinished ones, the parts of a merge), and
// writes only shards that differ from what is there.
//
// What decodes JPEG files is one of the settings. Today's libjpeg-turbo and the decoder in Go agree to the last bit, but
// nobody can promise it of every version, so a store is never finished, or merged, by another decoder than it was begun with.
//
// Stores of the same encoder, preprocessing, decoder and engine lend features to each other, by content: a Pool is those that a Writer may
// take from. What is copied is what encoding anew would give, so that the bytes of a store do not depend on who lent to it.
//
// Until all is done, finished shards lie in the folder .partial, each beside a journal of its items; an old store
// stays readable meanwhile. Commit moves them to their final names; the new manifest, written first inside .partial,
// makes it possible to roll a commit that was cut short forward. One Writer at a time holds a lock that dies with
// its process; readers need none.
package store
