//go:build unix && !slow

package main

// With the tag slow there are more of both.
const (
	kills = 4 // how often a run is killed
	pairs = 2 // of trainings into one folder
)
