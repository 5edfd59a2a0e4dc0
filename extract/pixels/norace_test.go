//go:build !race

package pixels

const underRace = false
