package iconic

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/extract"
	"iconic/extract/pixels"
	"iconic/models"
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

// Of the preprocessing of unknown weights, the note names the parts that were not given.
func TestAssumedPreprocessingIsTold(t *testing.T) {
	const rest = ", and may not be the one it was trained with; resize, crop, mean and std change it"
	half, whole := []float32{0.5, 0.5, 0.5}, []string{"resize", "mean", "std"}
	for _, c := range []struct {
		e          Encoding
		assumed    []string
		classifier string
		want       string
	}{
		{Encoding{}, whole, "", "w.pth is not known as the file of a published encoder: the preprocessing of DINO, DINOv2 and DINOv3 is assumed (resize 37, mean 0.25,0.5,0.75, std 0.5,0.5,0.5)" + rest},
		{Encoding{Mean: half, Std: half}, whole, "head.weight", "w.pth has a classifier (head.weight), so it may have been trained with labels: " +
			"the preprocessing of DINO, DINOv2 and DINOv3 is assumed (resize 37)" + rest},
		{Encoding{Mean: half, Std: half, Resize: 37}, whole, "head.weight", ""},
		{Encoding{Mean: half, Std: half, Whole: true}, whole, "", ""},
		{Encoding{Resize: 37}, []string{"resize"}, "", ""},
		{Encoding{}, nil, "", ""},
	} {
		m := &models.Model{From: "w.pth", Assumed: c.assumed, Classifier: c.classifier}
		got := c.e.assumed(m, pixels.Transform{Resize: 37, Crop: 32, Mean: [3]float32{0.25, 0.5, 0.75}, Std: [3]float32{0.5, 0.5, 0.5}})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.e, diff)
		}
	}
}
