// Command pipeline sorts a folder of images into groups without labels, and says how sure it is of each one.
//
// It holds flags, progress and exit statuses, and no mathematics. Each subcommand is in the file of its name: a constructor, its options with
// their flags, and a run function. The work is done by packages that other programs import as well: iconic goes from images to a run, run owns
// the run folder, sweep trains over many settings, classify, prediction and endpoint put a run to use, curation and curator change its clusters by hand.
// errors.go adds to their errors which flag helps, and help.go puts the flags of every command in groups.
package main
