// Package onnxfiles knows which files an ONNX model consists of.
//
// A model is a message of protocol buffers. Its tensors may lie in other files, of any name, in the folder of the model: then
// TensorProto.data_location is EXTERNAL, and external_data has an entry "location". Tensors are everywhere: initializers, sparse ones,
// attributes of nodes, graphs in attributes (the branches of an If, the body of a Loop), functions, training information. What a model
// computes depends on all of these files, and so does its checksum.
//
// The message is read as a stream, and never held in memory.
package onnxfiles
