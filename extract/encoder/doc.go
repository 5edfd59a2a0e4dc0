// Package encoder runs an image encoder, kept as an ONNX file, through ONNX Runtime: pixels in, one feature vector an
// image out.
//
// A model serves if it has one input, N×3×H×W float32, and an output N×D float32; N may be free or fixed. All of that
// is checked at Open, before hours of work.
//
// ONNX Runtime lives once in a process. The first Open loads the library; it stays loaded until the process ends.
package encoder
