// Package parquet reads single columns of untrusted Parquet files.
//
// A Parquet file is a sequence of row groups; a row group holds a chunk of each column; a chunk is a sequence of pages, one of which may be
// a dictionary; and a footer at the end records the position of everything. Open reads only the footer. Find reads the headers of a chunk's
// pages up to the one that contains a row, a few bytes each, and Load reads one page:
//
//	f, err := parquet.Open(r, size)
//	column, err := f.Find("image", "bytes")
//	chunk, err := f.Begin(group, column)
//	page, err := chunk.Find(row)
//	values, err := chunk.Load(page, limit)
//
// Everything that a file claims about itself is checked before memory is allocated for it: lengths against the existing bytes, pages
// against a limit given by the caller, decompressed data against the size that the page states. The Go libraries for Parquet trust such
// numbers: parquet-go v0.32 takes 1.5 GB for a file of 18 bytes whose footer states a long list, and decompresses whatever a page contains.
// So it writes the files of the tests, but does not read those of users.
//
// The package reads the physical types except INT96, without repetition (no lists, no maps); the encodings PLAIN, dictionary, RLE, the
// three deltas and BYTE_STREAM_SPLIT; pages of both versions; and every codec except LZO and Hadoop's LZ4. The format is described at
// https://parquet.apache.org/docs/file-format.
package parquet
