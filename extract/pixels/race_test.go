//go:build race

package pixels

// underRace: the race detector moves variables from the stack to the heap, so byte counts are meaningless with it.
const underRace = true
