// Package npy reads and writes NumPy's .npy files, format versions 1 to 3
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic string, a header that is a Python
// dictionary of element type, order and shape, then the elements.
//
// Reading maps the file into memory and trusts nothing: what the header claims is checked against the file's length
// before it is used. Only little-endian arrays in C order are read; others are refused by name rather than turned
// around in silence. A file that is cut short while it is mapped gives an error, not a crash.
//
// A .npy reader in the wild took seconds for what a map does in milliseconds; hence these few hundred lines.
package npy
