package main

import (
	"cmp"
	"strings"
)

// kept says, for each command, what an interrupt leaves of its work and how to go on.
var kept = map[string]string{
	"":              "nothing was changed",
	"assignments":   "no unfinished file bears its final name: run the same command again to start anew",
	"cache":         "nothing was changed",
	"cache prune":   "what was removed is gone, each entry as a whole: run the same command again to remove the rest",
	"curate":        "every change that the page showed is saved: run the same command again to go on",
	"demo":          "the demo is not finished: run the same command again, and it starts anew in its folder",
	"doctor":        "nothing was changed",
	"duplicates":    "no image was touched, and neighbours that were found are kept: run the same command again",
	"export":        "no file was written or replaced: run the same command again to start anew",
	"extract":       "the features of finished images are kept: run the same command again to go on",
	"merge":         "the parts are as they were: run the same command again to put them together",
	"methods":       "nothing was changed",
	"models":        "nothing was changed",
	"models import": "no unfinished file bears its final name: run the same command again to start anew",
	"models info":   "nothing was changed",
	"models list":   "nothing was changed",
	"models pull":   "no unfinished file bears its final name: run the same command again to fetch the weights",
	"predict":       "the lines printed and the files sorted so far stand: run the same command again to start from the first image",
	"report":        "the runs are as they were: run the same command again to make the page",
	"run":           "finished features and steps of the training are kept (a method that computes in one piece has no steps): run the same command again with --resume",
	"serve":         "the server had nothing to keep: run the same command again to serve",
	"sort":          "the files sorted so far are written down: run the same command again to go on, or take it back with sort --undo",
	"sweep":         "finished runs are kept: run the same command again to go on",
	"train":         "finished steps of the training are kept (a method that computes in one piece has none): run the same command again with --resume",
	"version":       "nothing was changed",
}

// keptBy is that sentence of the command with a path such as "pipeline models pull".
func keptBy(path string) string {
	_, name, _ := strings.Cut(path, " ")
	return cmp.Or(kept[name], kept[""])
}
