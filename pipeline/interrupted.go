package main

import (
	"cmp"
	"strings"
)

// kept says, for each command, what survives an interrupt and how to continue.
var kept = map[string]string{
	"":              "nothing was changed",
	"assignments":   "no file was written: run the same command again to start over",
	"cache":         "nothing was changed",
	"cache prune":   "entries already removed are gone completely, the others are intact: run the same command again to remove the rest",
	"curate":        "every change that the page showed is saved: run the same command again to continue",
	"demo":          "the demo is not finished: run the same command again to start it over in its folder",
	"doctor":        "nothing was changed",
	"duplicates":    "no image was touched; a finished search for neighbours is kept, an unfinished one starts over: run the same command again",
	"export":        "no file was written or replaced: run the same command again to start over",
	"extract":       "the features of finished images are kept: run the same command again to continue",
	"merge":         "the parts are unchanged: run the same command again to merge them",
	"methods":       "nothing was changed",
	"models":        "nothing was changed",
	"models import": "no unfinished file has its final name: run the same command again to start over",
	"models info":   "nothing was changed",
	"models list":   "nothing was changed",
	"models pull":   "no unfinished file has its final name: run the same command again to download the weights",
	"predict":       "the lines printed and the files sorted so far are complete: run the same command again to start from the first image",
	"report":        "the runs are unchanged: run the same command again to make the page",
	"run":           "finished features and training steps are kept (methods without steps, such as kmeans, start over): run the same command again with --resume",
	"serve":         "the server had nothing to keep: run the same command again to serve",
	"sort":          "the files sorted so far are recorded: run the same command again to continue, or undo them with sort --undo",
	"sweep":         "finished runs are kept: run the same command again to continue",
	"train":         "finished training steps are kept (methods without steps, such as kmeans, start over): run the same command again with --resume",
	"version":       "nothing was changed",
}

// keptBy is the message for a command path such as "pipeline models pull".
func keptBy(path string) string {
	_, name, _ := strings.Cut(path, " ")
	return cmp.Or(kept[name], kept[""])
}
