// Package encoder runs an image encoder, stored as an ONNX file, with ONNX Runtime: pixels in, one feature vector per image out.
//
// A model is suitable if it has one input, N×3×H×W float32, and an output N×D float32; N may be free or fixed. Open checks all of this,
// before hours of work.
//
// A process holds one ONNX Runtime. The first Open loads the library, which stays loaded until the process ends.
package encoder
