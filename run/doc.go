// Package run manages the run folder: it creates and locks it, trains into it, resumes an interrupted training, scores the result, and
// reads the folder.
//
// A finished run has config.json with the settings as used and digests of the inputs, head.safetensors, novelty.safetensors (for package
// head/novelty to recognise new images), history.jsonl with one line per epoch, for some methods representation.npy, then metrics.json and
// assignments.csv, duplicates.csv and outliers.csv, and the page, report.html. Of the files that the training leaves, the head is written
// last: if it exists, so do all the others. During a training, checkpoint.safetensors allows it to be resumed to the same bits, and .lock
// keeps others out. config.json records the version of the layout: 2 for a single linear head, 3 for several heads that vote, 4 if the
// uniform distribution has a share in their probabilities, 5 if a flattened one has, so that a program that does not know these refuses the run. A newer version is refused. config.json and metrics.json have checksums of the files that they describe, so that a
// folder into which files of another run were copied, or that was copied in part, is refused. Later changes made by hand are in curation.jsonl (package curation). Load reads a run
// whose training has ended, Open one that also has scores, and OpenCurated one with the changes made by hand applied; Whole reports whether
// a folder has scores and page.
package run
