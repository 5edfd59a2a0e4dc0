//go:build unix && slow

package main

const (
	kills = 20 // how often a run is killed
	pairs = 10 // of trainings into one folder
)
