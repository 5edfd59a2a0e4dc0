// Package cache lists what the program keeps for a user so that it need not be computed or downloaded again, and removes what is old or
// large: image features, neighbour graphs, encoders and their weights, and the ONNX Runtime library. Everything is in one folder, iconic,
// in the user's cache. Whatever is removed is computed or downloaded again when it is needed; entries in use are never removed.
package cache
