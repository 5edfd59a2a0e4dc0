// Package weights opens files of trained weights: safetensors, and PyTorch's .pth files.
//
// A .pth file is a zip archive: data.pkl, a Python pickle, lists the tensors, and data/0, data/1, … contain their numbers. A pickle is a
// program for a stack machine that may name any Python function and call it; loading one of unknown origin with Python runs whatever its
// author wants. The machine here supports only the instructions that occur in state dictionaries, and only three names (an ordered
// dictionary, and PyTorch's two ways to rebuild a tensor), none of which it executes: they yield descriptions. What a training run stores
// beside them, such as its arguments, settings and scores, is recognised by the modules of its classes, and skipped. Anything else is
// refused by name.
//
// Files from before PyTorch 1.6 are not archives: their pickles and numbers are stored one after the other.
//
// Sizes are checked against the archive before anything is allocated for them, and tensors are read one at a time.
package weights
