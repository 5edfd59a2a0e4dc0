// Package run owns the run folder: it makes and locks one, trains into it and takes up what was interrupted, scores the result, and reads
// what is there.
//
// A finished run has config.json with the settings as used and digests of the inputs, head.safetensors, novelty.safetensors (what package
// head/novelty tells new images by), history.jsonl with a line for each epoch, of some methods representation.npy, then metrics.json and
// assignments.csv, duplicates.csv and outliers.csv, and the page, report.html. The head is written last of what the training leaves: where
// it is, all the rest is. While a training runs, checkpoint.safetensors lets it be taken up again to the same bits, and .lock keeps others
// out. config.json carries the version of the layout: 2 where the head is one linear head, 3 where several vote, so that a program which knows
// no vote refuses the run. A newer version than one's own is refused. What a person changed afterwards is curation.jsonl (package curation). Load reads a run whose training has ended, Open one that has
// scores, too, and OpenCurated that under what was changed; Whole tells whether nothing is missing.
package run
