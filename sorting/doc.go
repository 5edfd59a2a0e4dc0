// Package sorting puts images into a folder with one subfolder per cluster, and takes it back.
//
// Arrange plans where the images of a run go, and a Sorting puts them there at once; Folders takes new images one by one, as they are told
// apart. A Sorting is written down before it is done. Each batch of steps goes into a journal in the folder, .iconic-sort.jsonl, and reaches
// the disk before the first of its steps is taken; so, whenever the process is killed, the journal names everything that may have
// changed, and Undo finds by looking what was done and what was not. It gives back the tree of before, the times of files and
// folders included.
//
// What makes the steps safe one by one: a file is moved by a second name and the removal of the first, so that it always bears one of
// them and no other file is replaced; where that is not possible, between file systems, a synced copy takes its name before the
// original goes. Undo removes nothing but what is still as the sorting left it.
package sorting
