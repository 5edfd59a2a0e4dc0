package extract

import "iconic/internal/plural"

// DarkNote warns of as many images as Summary.Dark counts.
func DarkNote(n int) string {
	return plural.Of(n, "image has 16-bit samples that are all below 4096, so that it is almost black:", "images have 16-bit samples that are all below 4096, so that they are almost black:") +
		" if the samples have 10 or 12 bits, multiply them by 64 or 16"
}
