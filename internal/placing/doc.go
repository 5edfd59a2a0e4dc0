// Package placing puts files into the folders of a sorted collection: copies or symbolic links, one folder per cluster.
//
// It promises what a person who sorts precious files wants to hear:
//
//   - The originals stay where and as they are.
//   - Nothing is overwritten. A name that is taken gets a number, "photo (2).jpg"; a file that already holds the same bytes,
//     or a link that already leads to the same target, is left as it is, so that the same call may be repeated.
//   - Only names that it made itself are ever removed. A file appears under its final name whole or not at all, by way of a
//     temporary name that no other process uses and that does not depend on the file's own, which may be as long as a name
//     can be.
//   - No name leads out of the folder: Local keeps the part of an item's path that stays below it.
package placing
