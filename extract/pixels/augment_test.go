package pixels

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func speckled(width, height int) *Image {
	m := newImage(width, height)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.UintN(256))
	}
	return m
}

// A view depends on the seed, the content and its number, and not on anything drawn before.
func TestViewsDependOnSeedContentAndNumberAlone(t *testing.T) {
	m, transform := speckled(50, 40), eval224()
	transform.Resize, transform.Crop = 32, 32
	view := func(seed, content uint64, v int, s *Scratch) []float32 {
		dst := make([]float32, 3*32*32)
		if err := transform.View(dst, m, DefaultAugmentation(), seed, content, v, s); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	var used Scratch
	for v := range 20 { // crops of many sizes leave their data in the buffers
		view(9, 9, v, &used)
	}
	want := view(1, 2, 3, &Scratch{})
	if !slices.Equal(view(1, 2, 3, &used), want) {
		t.Error("a view depends on the previous content of its buffers")
	}
	for _, other := range [][3]uint64{{2, 2, 3}, {1, 3, 3}, {1, 2, 4}, {2, 1, 3}} {
		if slices.Equal(view(other[0], other[1], int(other[2]), &used), want) {
			t.Errorf("seed, content, view %v give the same picture as 1, 2, 3", other)
		}
	}
	if err := transform.View(want[1:], m, DefaultAugmentation(), 1, 2, 3, &used); err == nil {
		t.Error("a destination of the wrong size is accepted")
	}
}

// Golden test: the same bits on every processor.
func TestViewIsTheSameEverywhere(t *testing.T) {
	m := newImage(50, 40)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i / 7)
	}
	transform := Transform{Resize: 16, Crop: 16, Std: [3]float32{1. / 255, 1. / 255, 1. / 255}}
	dst, a := make([]float32, 3*16*16), DefaultAugmentation()
	a.Jitter, a.Blur, a.Grey = 1, 1, 0
	sum := 0.0
	for v := range 8 {
		if err := transform.View(dst, m, a, 42, 0xfeed, v, &Scratch{}); err != nil {
			t.Fatal(err)
		}
		for i, x := range dst {
			sum += float64(i%97+1) * math.Round(float64(x))
		}
	}
	const want = 35566675
	if sum != want {
		t.Errorf("the views' weighted sum is %.0f, want %d", sum, want)
	}
}

func TestCropsLieInThePictureAndKeepTheRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 900).Draw(t, "width"), rapid.IntRange(1, 900).Draw(t, "height")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a := DefaultAugmentation()
		b := a.box(r, w, h)
		if b.width < 1 || b.height < 1 || b.x < 0 || b.y < 0 || b.x+b.width > w || b.y+b.height > h {
			t.Fatalf("crop %+v of %d×%d", b, w, h)
		}
		if w > 100 && h > 100 && w < 2*h && h < 2*w {
			share, ratio := float64(b.width*b.height)/float64(w*h), float64(b.width)/float64(b.height)
			if share < a.ScaleMin-0.02 || ratio > a.RatioMax*1.04 || ratio < 1/a.RatioMax/1.04 {
				t.Fatalf("crop %+v of %d×%d: %.3f of the area, ratio %.3f", b, w, h, share, ratio)
			}
		}
	})
}

func TestExponential(t *testing.T) {
	for x := -20.0; x <= 20; x += 0.037 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 1e-13*want {
			t.Errorf("exp(%g) = %g, want %g", x, got, want)
		}
	}
	for x := 1.0; x <= 100; x += 0.37 {
		if got, want := logarithm(x), math.Log(x); math.Abs(got-want) > 1e-13 {
			t.Errorf("logarithm(%g) = %g, want %g", x, got, want)
		}
	}
}

func TestAugmentationsOutOfRange(t *testing.T) {
	if err := DefaultAugmentation().Validate(); err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for name, change := range map[string]func(*Augmentation){
		"scale": func(a *Augmentation) { a.ScaleMin = nan }, "order": func(a *Augmentation) { a.ScaleMax = 0.1 },
		"ratio": func(a *Augmentation) { a.RatioMax = 0.5 }, "flip": func(a *Augmentation) { a.Flip = 1.1 },
		"hue": func(a *Augmentation) { a.Hue = 0.6 }, "sigma": func(a *Augmentation) { a.SigmaMin = 0 },
		"contrast": func(a *Augmentation) { a.Contrast = -1 },
	} {
		a := DefaultAugmentation()
		change(&a)
		if a.Validate() == nil {
			t.Errorf("%s: %+v is accepted", name, a)
		}
	}
}

func BenchmarkView(b *testing.B) {
	m, transform := speckled(500, 375), eval224()
	var s Scratch
	dst := make([]float32, 3*224*224)
	b.ReportAllocs()
	for v := 0; b.Loop(); v++ {
		if err := transform.View(dst, m, DefaultAugmentation(), 1, 2, v, &s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "views/s")
}
