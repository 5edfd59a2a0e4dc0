//go:build unix && !slow

package main

// With the tag slow there are more of both.
const (
	fewKills = 4 // how often a run is killed, unless -kills says otherwise
	pairs    = 2 // of trainings into one folder
)
