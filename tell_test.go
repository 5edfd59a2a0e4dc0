package iconic

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/extract"
	"iconic/progress"
)

// What an extraction did is told in words that fit its numbers, and nothing is said to be computed that was not.
func TestWhatAnExtractionDid(t *testing.T) {
	for _, c := range []struct {
		s    extract.Summary
		want []string
	}{
		{extract.Summary{Store: "s", Items: 2, Already: 2, Rows: 2, Duplicates: 1}, []string{
			"1 image is a copy of another and shares its features", "2 of 2 images have features already; 0 to encode",
		}},
		{extract.Summary{Store: "s", Items: 2, Already: 1, Encoded: 1, Rows: 2, Seconds: 1, Gone: 1}, []string{
			"1 image is gone from the data; its features are kept but not used in training", "1 of 2 images has features already; 1 to encode",
			"encoded 1 image in 1.0 s (1.0 images/s); s has the features of 2",
		}},
		{extract.Summary{Store: "s", Items: 1, Already: 1, Rows: 1, Pruned: 2}, []string{
			"2 images are gone from the data; their features were dropped", "1 of 1 image has features already; 0 to encode",
		}},
	} {
		var told []string
		tell(&c.s, progress.Hooks{Note: func(text string) { told = append(told, text) }})
		if diff := cmp.Diff(c.want, told); diff != "" {
			t.Errorf("%s (-want +told):\n%s", fmt.Sprint(c.s), diff)
		}
	}
}
