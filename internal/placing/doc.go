// Package placing puts files into the folders of a sorted collection: copies or symbolic links, one folder per cluster.
//
// It guarantees what matters when precious files are sorted:
//
//   - The originals are not moved or changed.
//   - Nothing is overwritten. If a name is in use, the file gets a number, "photo (2).jpg"; a file that already has the same bytes, or a
//     link that already has the same target, is left unchanged, so the same call may be repeated.
//   - Only names that the package made itself are ever removed. A file appears under its final name completely or not at all, by way of a
//     temporary name that no other process uses and that does not depend on the file's own name, which may have the maximum length.
//   - No name points outside the folder: Local keeps the part of an item's path that stays below it.
package placing
