// Package vit turns the trained weights of a DINO or DINOv2 vision transformer into an ONNX graph.
//
// The steps, in the order of the files: names.go finds out whose names the weights bear (the official projects'
// or the transformers library's) and which tensor is which; shape.go reads width, depth, heads, patch, registers
// and kind of feed-forward network off the shapes; position.go interpolates the position embedding to the grid of
// the wanted image size as the official code of that family does; graph.go lays out the nodes.
//
// Every tensor of the file is used exactly once, or is known to play no part in computing features (the mask token
// of pretraining, the untrained pooler of the transformers library). Whatever else is left over or missing is an
// error that names it: an encoder with a tensor unused is another encoder.
//
// The graph computes what the official code computes, with three rearrangements that change nothing but rounding:
// class token, registers and position embedding are one table added to the padded patches; layer scale is
// multiplied into the weights before it; and where only the class token is asked for, the last block computes its
// row alone.
package vit
