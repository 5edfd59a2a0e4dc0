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

// Thousands is a number with thousands separators: "1,281,167".
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
