// Package fetch downloads or copies large files to this machine, for every package that needs one.
//
// A file grows under a temporary name, <path>.part, and is renamed once it is complete: it has the expected length and SHA-256, as far as
// they are known, and its user has inspected it (File.Check). A file that fails a check is removed, so that nothing unchecked ever gets the
// final name.
//
// An interrupted download resumes where it ended, in the same call or in a later process, as long as the server's file is still the same by
// its strong ETag or its date; a small file beside the part (<path>.part.json) records the version and its length. A complete part is not
// requested again. A page in place of the rest, as of a network that wants a log-in, and a copy that fails its checks leave the part alone. A server that is silent for too long, sends more than the largest allowed size, or redirects away from https ends the
// download with an error.
//
// Two processes never write the same part: a lock belongs to that one file, and the second process is told how far the first one is, waits,
// and takes over if the first ends without the file. Nothing else is ever locked.
package fetch
