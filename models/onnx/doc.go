// Package onnx reads and writes models in the ONNX format (https://onnx.ai), as far as is needed to build a vision
// transformer and to rewrite the linear layers of any model.
//
// The format is a protobuf message. It is encoded here by hand with protowire instead of generated code for two reasons. Generated code
// holds every tensor in memory and marshals the whole message into a second copy; here a tensor is a function that computes its bytes when
// they are needed, so writing takes memory for one tensor at a time. Also, messages above 2 GB cannot be marshalled at all, while here
// large models store their tensors in a file of external data beside the model.
//
// Everything that writes graphs (encoders, deployments, precisions, choices of outputs) uses a Builder, which tracks types and shapes: an
// operation that would fail in a session, or act on the wrong dimension, fails while it is written.
//
// Write and Parse work on bytes in memory, WriteFile and ReadFile on files, with their external data.
//
// Parts that a rewrite need not understand (functions, subgraphs, annotations) are preserved byte by byte, so reading and writing a model
// loses nothing.
package onnx
