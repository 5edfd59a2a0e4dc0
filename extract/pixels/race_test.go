//go:build race

package pixels

// underRace: the race detector's build keeps on the heap what others keep on the stack, so counts of bytes say nothing there.
const underRace = true
