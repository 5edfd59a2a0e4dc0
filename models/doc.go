// Package models manages encoders: which ones exist (Registry), where their weights are and whether they have changed (Pull), and how a
// name or a file becomes an ONNX model on disk that an encoder session can open (Resolve).
//
// Weights that turn out not to be the encoder's are neither recorded nor kept.
//
// An imported model is kept in the user's cache under a key of everything that determines it (the SHA-256 of the weights, image size,
// output, precision), so the second run with the same settings starts at once, and different settings never share a model. A damaged model
// in the cache is made again. A tiny encoder for experiments is part of the binary (Tiny).
//
// The subpackages do the work: weights reads checkpoints, vit builds the graph, precision rewrites it, onnx writes it.
package models
