package plural

import "testing"

func TestOf(t *testing.T) {
	for n, want := range map[int]string{0: "0 images are", 1: "1 image is", 2: "2 images are", 21: "21 images are"} {
		if got := Of(n, "image is", "images are"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1281167: "1,281,167", -5: "-5", -999: "-999", -1000: "-1,000", 123456789: "123,456,789"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
