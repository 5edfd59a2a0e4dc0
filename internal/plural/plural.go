package plural

import "strconv"

// Of is a number with its noun, and what follows it: "1 image is", "2 images are".
func Of(n int, one, many string) string { return strconv.Itoa(n) + " " + Word(n, one, many) }

// Word is the form of a word that goes with a number.
func Word(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
