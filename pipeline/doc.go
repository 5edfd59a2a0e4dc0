// Command pipeline clusters a folder of images without labels and reports its confidence in each assignment.
//
// It handles flags, progress and exit statuses only. Each subcommand is in the file of the same name: a constructor, its options with
// their flags, and a run function. The work is done by packages that other programs can import as well: iconic goes from images to a run, run owns
// the run folder, sweep trains over many settings, classify, prediction, evaluation and endpoint use a trained run, curation and curator edit its clusters.
// errors.go adds the flags that fix their errors, and help.go groups the flags of every command.
package main
