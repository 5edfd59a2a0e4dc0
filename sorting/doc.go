// Package sorting puts images into a folder with one subfolder per cluster, and can undo it.
//
// Images.Arrange plans where the images of a run go, and a Sorting puts them there at once; Folders takes new images one by one, as they are
// classified. A Sorting is recorded before it is carried out. Each batch of steps is written to a journal in the folder,
// .iconic-sort.jsonl, and reaches the disk before the first of its steps is taken; so, whenever the process is killed, the journal names
// everything that may have changed, and Undo finds out by inspection what was done. It restores the previous tree, including the times of
// files and folders.
//
// Each step is safe by itself: a file is moved by adding a second name and removing the first, so that it always has one of them and
// replaces no other file; if that is impossible, between file systems, a synced copy takes its name before the original is removed. Undo
// removes nothing unless it is still as the sorting left it.
package sorting
