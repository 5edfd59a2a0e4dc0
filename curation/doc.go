// Package curation records what a person changed about the clusters of a run: names, merges, splits, images moved and images left out.
//
// A curation is a list of steps, and the resulting clusters are computed by replaying them: the same steps on the same run give the same
// state. Undo reverts the last step in effect and Redo applies it again; both are steps of the list, which only ever grows.
//
// On disk it is curation.jsonl in the run folder. The first line identifies the run; each further line is one step, which counts as done
// only once its line has reached the disk. A truncated last line is not a step. The steps of one run are refused for another, including
// another training in the same folder.
//
// New images follow a Route: each cluster of the head leads to the curated cluster it was merged into or, if it was split, to one of two,
// whichever centre the image's features are nearer to. Moving an image by hand affects that image alone.
package curation
