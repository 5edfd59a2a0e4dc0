// Package vit turns the trained weights of a DINO, DINOv2 or DINOv3 vision transformer into an ONNX graph.
//
// The steps, in the order of the files: names.go finds out whose names the weights bear (the official projects',
// timm's or the transformers library's) and which tensor is which; trained.go sees through what training wraps around an
// encoder; shape.go reads width, depth, heads, patch, registers
// and kind of feed-forward network off the shapes; position.go interpolates the position embedding to the grid of
// the wanted image size as the official code of that family does; rotary.go turns queries and keys by their place, as DINOv3 does; graph.go lays out the nodes.
//
// Every tensor of the file is used exactly once, or is known to play no part in computing features (the mask token
// of pretraining, the untrained pooler of the transformers library, projection heads), and then told in a note. Whatever else is left over or missing is an
// error that names it: an encoder with a tensor unused is another encoder.
//
// The graph computes what the official code computes, with three rearrangements that change nothing but rounding:
// class token, registers and position embedding are one table added to the padded patches; layer scale is
// multiplied into the weights before it; and where only the class token is asked for, the last block computes its
// row alone.
package vit
