// Package deploy adds a trained head behind its encoder: one ONNX graph, images in, cluster probabilities out, which runs wherever ONNX
// does without anything from this project. Alone makes a graph of the head, for features that are computed elsewhere.
//
// With Preprocessing the graph also takes 8-bit pictures of any size, and resizes, crops and normalises them itself. The resampler is
// Pillow's, as in package pixels of the extraction: bicubic weights computed in the graph from the picture's size, rounded to 22 fractional
// bits, horizontally first, then vertically, each rounded to 8 bits. All of this is done in float64, which represents every intermediate
// number exactly, so the encoder's input equals the extraction's, bit for bit. Only standard operators of operator set 11 and later are
// used.
package deploy
