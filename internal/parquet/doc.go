// Package parquet reads single columns out of Parquet files that nobody vouches for.
//
// A Parquet file is a row of row groups; a row group holds a chunk of each column; a chunk is a row of pages, of which one may be a
// dictionary; and a footer at the end says where all of that lies. Open reads the footer alone. Find reads the headers of a
// chunk's pages up to the one that a row lies in, a few bytes each, and Load one page:
//
//	f, err := parquet.Open(r, size)
//	column, err := f.Find("image", "bytes")
//	chunk, err := f.Begin(group, column)
//	page, err := chunk.Find(row)
//	values, err := chunk.Load(page, limit)
//
// Everything that a file says about itself is checked before memory is taken for it: lengths against the bytes that are there, pages
// against a limit that the caller gives, what comes out of a decompressor against what the page promised. The libraries that read
// Parquet for Go take such numbers on faith: parquet-go v0.32 takes 1.5 GB for a file of 18 bytes whose footer tells of a long list, and
// unpacks whatever a page unpacks to. So it writes the files of the tests, and does not read those of users.
//
// It reads the physical types but INT96, without repetition (no lists, no maps); the encodings PLAIN, dictionary, RLE, the three
// deltas and BYTE_STREAM_SPLIT; pages of both versions; and every codec but LZO and Hadoop's LZ4. The format is described at
// https://parquet.apache.org/docs/file-format.
package parquet
