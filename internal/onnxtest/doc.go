// Package onnxtest makes small ONNX models for tests: right ones, and wrong ones of every kind that a user may bring. A right one pools
// the pixels of an image, so that a test can compute its features by hand. The bytes are written with protowire, not with package
// models/onnx, so that a fault of that package does not hide itself.
package onnxtest
