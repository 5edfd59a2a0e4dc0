//go:build unix && slow

package main

const (
	fewKills = 8 // how often a run is killed, unless -kills says otherwise
	pairs    = 5 // of trainings into one folder
)
