//go:build unix && !slow

package main

// kills is how often a run is killed; with the tag slow it is more often.
const kills = 4
