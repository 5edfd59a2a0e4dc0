// Package onnxtest makes small ONNX models for tests: valid ones, and invalid ones of every kind that a user may have. A valid model pools
// the pixels of an image, so that a test can compute its features by hand. The bytes are written with protowire, not with package
// models/onnx, so that a fault of that package cannot hide itself.
package onnxtest
