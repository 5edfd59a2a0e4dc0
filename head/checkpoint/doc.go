// Package checkpoint saves a training's state as one safetensors file, written atomically, with a checksum over all its content. Opening a
// file checks it completely: a damaged, truncated or forged file is refused before anything of it is used, and no file takes more memory
// than a small multiple of its size.
package checkpoint
