// Package deploy puts a trained head behind its encoder: one ONNX graph, images in, cluster probabilities out, that runs wherever
// ONNX does with nothing of this project.
//
// With Preprocessing the graph takes 8-bit pictures of any size, too, and resizes, crops and normalises them itself. The resampler
// is Pillow's, as in package pixels of the extraction: bicubic weights made in the graph from the picture's size, rounded to 22
// fractional bits, across first, then down, each rounded to 8 bits. All of that is done in float64, which holds every number of it
// exactly, so the squares that the encoder sees are those of the extraction, bit for bit. Only standard operators of operator set 11
// and later are used.
package deploy
