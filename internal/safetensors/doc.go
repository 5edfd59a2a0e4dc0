// Package safetensors reads and writes the safetensors format (https://huggingface.co/docs/safetensors): eight bytes with the length of a
// JSON header, the header, then the tensors' bytes, little endian, without gaps.
//
// Reading trusts nothing: the header's size, every offset, shape and type are checked against the file before anything is allocated for
// them, so a broken or hostile file causes an error and nothing worse. Tensors are read one at a time, through io.ReaderAt, so a file may
// be larger than memory, and one that is truncated while it is read causes an error rather than a fault, as it would with a memory map.
//
// The only Go library (nlpodyssey/safetensors, inactive since February 2025) reads the whole file into memory and does not write files
// atomically, so the two hundred lines here are our own.
package safetensors
