package plural

import "testing"

func TestOf(t *testing.T) {
	for n, want := range map[int]string{0: "0 images are", 1: "1 image is", 2: "2 images are", 21: "21 images are"} {
		if got := Of(n, "image is", "images are"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
