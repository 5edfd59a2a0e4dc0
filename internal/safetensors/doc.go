// Package safetensors reads and writes the safetensors format (https://huggingface.co/docs/safetensors): eight
// bytes with the length of a JSON header, the header, then the tensors' bytes, little endian, without gaps.
//
// Reading trusts nothing: the header's size, every offset, shape and type are checked against the file before
// anything is allocated for them, so a broken or hostile file is an error and never more. Tensors are read one at
// a time, through io.ReaderAt, so a file larger than memory is no trouble and one cut short under our feet is an
// error rather than a fault, as it would be with a memory map.
//
// The one Go library there is (nlpodyssey/safetensors, at rest since February 2025) reads the whole file into
// memory and writes whole files that are not atomic, so the two hundred lines are ours.
package safetensors
