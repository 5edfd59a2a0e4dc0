// Package models knows the encoders: which there are (Registry), where their weights are and whether they are the
// ones seen before (Pull), and how a name or a file becomes an ONNX model on disk that an encoder session can open
// (Resolve).
//
// Nothing is remembered of weights that were not found to be the encoder's, and nothing of them is kept.
//
// An import is kept in the user's cache under a key of everything that shapes it (the SHA-256 of the weights,
// image size, output, precision), so the second run with the same settings starts at once, and no setting ever
// meets the model of another. An import that was damaged there is made again. A tiny encoder for trying things out is part of the
// binary (Tiny).
//
// The work itself is done next door: weights reads checkpoints, vit lays out the graph, precision rewrites it,
// onnx writes it.
package models
