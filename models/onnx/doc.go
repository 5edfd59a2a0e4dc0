// Package onnx reads and writes models in the ONNX format (https://onnx.ai, IR version 8 on writing): as much of
// it as building a vision transformer and rewriting the linear layers of any model need.
//
// The format is a protobuf message. It is encoded here by hand over protowire instead of by generated code for two
// reasons. Generated code holds every tensor in memory and marshals the whole message into a second copy; here a
// tensor is a function that makes its bytes when they are due, so writing needs memory for one tensor at a time.
// And messages above 2 GB cannot be marshalled at all, while here large models send their tensors to a file of
// external data beside the model as a matter of course.
//
// Every writer of graphs, of encoders, deployments, precisions and choices of outputs, lays its operations with a Builder, which
// knows types and shapes: what would fail in a session, or run on the wrong dimension, fails while it is written.
//
// Write and Parse work on bytes in memory, WriteFile and ReadFile on files, with their external data.
//
// What a rewrite does not need to understand (functions, subgraphs, annotations) is kept as it was read, byte by
// byte, so reading and writing a model again loses nothing.
package onnx
