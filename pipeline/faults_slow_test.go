//go:build unix && slow

package main

// kills is how often a run is killed.
const kills = 20
