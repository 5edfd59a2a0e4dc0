// Package curation is what a person changed about the clusters of a run: names, merges, splits, images moved and left out.
//
// A curation is a list of steps, and what it makes of a clustering is computed by replaying them: the same steps on the same run give
// the same state. Undo takes back the last step that stands and Redo brings it back; both are steps of the list, which only ever grows.
//
// On disk it is curation.jsonl in the run folder. The first line says of which run it is; each further line is one step, and has reached
// the disk before the step counts as done. A last line that was cut short is no step. The steps of one run are refused for another one,
// also for another training in the same folder.
//
// New images follow by Route: each cluster of the head stands for a curated cluster, by its merges, or where it was split for one of two,
// by which of two centres an image's features are nearer to. Images that were moved by hand are a matter of these images alone.
package curation
