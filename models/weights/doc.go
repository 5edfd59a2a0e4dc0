// Package weights opens files of trained weights: safetensors, and the .pth files of PyTorch.
//
// A .pth file is a zip archive: data.pkl, a Python pickle, says which tensors there are, and data/0, data/1, … hold
// their numbers. A pickle is a program for a stack machine that may name any Python function and call it; loading
// one of unknown origin with Python runs whatever its author wished. The machine here knows only the instructions
// that state dictionaries are made of, and only three names (an ordered dictionary, and the two ways in which
// PyTorch rebuilds a tensor), none of which it executes: they yield descriptions. What a training run keeps beside them,
// its arguments, settings and scores, is known by the modules of its classes, and passed over. Anything else is refused
// by name.
//
// Files of before PyTorch 1.6 are no archives: their pickles and numbers lie one after the other.
//
// Sizes are checked against the archive before anything is allocated for them, and tensors are read one at a time.
package weights
