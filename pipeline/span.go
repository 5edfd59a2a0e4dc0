package main

import (
	"unicode"

	"golang.org/x/text/width"
)

// span is the number of columns that a line takes on a terminal: two for a wide character, as of Chinese, Japanese and Korean and most emoji, and none for
// a mark on the character before it.
func span(line string) int {
	n := 0
	for _, r := range line {
		n += spanOf(r)
	}
	return n
}

func spanOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a line to a number of columns, with an ellipsis.
func cut(line string, columns int) string {
	if span(line) <= columns {
		return line
	}
	if columns < 1 {
		return ""
	}
	n := 0
	for i, r := range line {
		if n += spanOf(r); n > columns-1 {
			return line[:i] + "…"
		}
	}
	return line
}
