// Package checkpoint is a training's state as a file: one safetensors file, written in one piece, with a checksum over all that it holds.
// It is judged whole when it is opened: a file that is damaged, cut short or made up is refused before anything is taken from it, and none takes
// more memory than a small multiple of its size.
package checkpoint
