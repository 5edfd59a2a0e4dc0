package extract

import (
	"strings"
	"testing"
)

// Names that are no files count as bad images only if nothing else is listed, and are never named as the most frequent fault of the images.
func TestNamesThatAreNoFilesDoNotCount(t *testing.T) {
	pipes := Skipped{Kind: notAFile, Count: 6, Example: "pipe.png"}
	for _, c := range []struct {
		name    string
		items   int
		skipped []Skipped
		want    string // in the error; "": none
	}{
		{"pipes beside images", 8, []Skipped{pipes}, ""},
		{"nothing but pipes", 6, []Skipped{pipes}, "6 of 6 images are bad, more than the allowed 10 % (most often: not a regular file, such as pipe.png)"},
		{"a bad image beside pipes", 8, []Skipped{pipes, {Kind: "truncated", Count: 1, Example: "a.png"}}, "1 of 2 images is bad, more than the allowed 10 % (most often: truncated, such as a.png)"},
	} {
		err := (&Summary{Items: c.items, Skipped: c.skipped}).Judge(0.1)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
