// Package onnxfiles finds the files of which an ONNX model consists.
//
// A model is a protocol buffer message. Its tensors may be stored in other files, of any name, in the model's folder: then
// TensorProto.data_location is EXTERNAL, and external_data has an entry "location". Tensors occur in many places: initializers, sparse
// ones, attributes of nodes, graphs in attributes (the branches of an If, the body of a Loop), functions, training information. What a
// model computes depends on all of these files, and so does its checksum.
//
// The message is read as a stream, and never held in memory.
package onnxfiles
