// Package npy reads and writes NumPy's .npy files, format versions 1 to 3
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic string, a header that is a Python dictionary with
// element type, order and shape, then the elements.
//
// Reading maps the file into memory and trusts nothing: what the header claims is checked against the file's length before it is used. Only
// little-endian arrays in C order are read; others are refused with the reason rather than silently converted. A file that is truncated
// while it is mapped causes an error, not a crash.
//
// An existing .npy reader took seconds for what a memory map does in milliseconds; hence these few hundred lines.
package npy
