// Package vit turns the trained weights of a DINO, DINOv2 or DINOv3 vision transformer into an ONNX graph.
//
// The steps, in the order of the files: names.go identifies the naming scheme of the weights (that of the official projects, timm or the
// transformers library) and the role of each tensor; trained.go removes what training wraps around an encoder; shape.go derives width,
// depth, heads, patch size, registers and the kind of feed-forward network from the shapes; position.go interpolates the position embedding
// to the grid of the requested image size like the official code of the family; rotary.go rotates queries and keys by their position, as in
// DINOv3; graph.go builds the nodes.
//
// Every tensor of the file is used exactly once, unless it is known to play no part in computing features (the mask token of pretraining,
// the untrained pooler of the transformers library, projection heads), which a note reports. Any other tensor that is left over or missing
// is an error that names it: an encoder with an unused tensor is another encoder.
//
// The graph computes what the official code computes, with three rearrangements that change only rounding: class token, registers and
// position embedding are one table added to the padded patches; layer scale is multiplied into the preceding weights; and if only the class
// token is requested, the last block computes only its row.
package vit
