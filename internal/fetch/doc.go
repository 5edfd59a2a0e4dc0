// Package fetch brings large files to this machine, by HTTP or from a disk, for every package that needs one.
//
// A file grows under a name of its own, <path>.part, and is renamed once it is whole: it has the length and the SHA-256 that are
// known of it, and its user has looked into it and found what was expected (File.Check). What fails there is removed, so that
// nothing untried ever bears the final name.
//
// A download that was cut goes on where it ended, in the same call or in a later process, as long as the server's file is still
// the same by its strong ETag or its date; a small file beside the part (<path>.part.json) remembers which version it is of, and how
// long that is. A part that is complete already is not asked for again. A server that is silent for too long, that sends more than
// there can be, or that leads away from https ends the download with a sentence.
//
// Two processes never write the same part: a lock belongs to that one file, and who comes second is told how far the first one
// is, waits, and takes over if that ends without the file. Nothing else is ever locked.
package fetch
