package pixels

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Augmentation is the distribution of a picture's views: torchvision's RandomResizedCrop, RandomHorizontalFlip, ColorJitter,
// RandomGrayscale and GaussianBlur, in this order, as they act on 8-bit PIL pictures. The resize is bicubic.
type Augmentation struct {
	ScaleMin   float64 `json:"scale_min"` // the crop's share of the picture's area is uniform in [ScaleMin, ScaleMax] ⊂ (0, 1]
	ScaleMax   float64 `json:"scale_max"`
	RatioMax   float64 `json:"ratio_max"` // its width/height is log-uniform in [1/RatioMax, RatioMax], RatioMax ≥ 1
	Flip       float64 `json:"flip"`      // probability of mirroring, in [0, 1] like those below
	Jitter     float64 `json:"jitter"`    // probability of changing the four qualities below, in random order
	Brightness float64 `json:"brightness"`
	Contrast   float64 `json:"contrast"` // factors are uniform in [max(0, 1 − x), 1 + x], x ≥ 0
	Saturation float64 `json:"saturation"`
	Hue        float64 `json:"hue"`  // rotation of the hue by a share of the circle uniform in [−Hue, Hue], at most 0.5
	Grey       float64 `json:"grey"` // probability of removing all colour
	Blur       float64 `json:"blur"` // probability of a Gaussian blur
	SigmaMin   float64 `json:"sigma_min"`
	SigmaMax   float64 `json:"sigma_max"` // its standard deviation, in pixels, is uniform in [SigmaMin, SigmaMax], SigmaMin > 0
}

// DefaultAugmentation is that of MoCo v2 (Chen et al. 2020, arXiv 2003.04297), the moderate form of SimCLR's.
func DefaultAugmentation() Augmentation {
	return Augmentation{
		ScaleMin: 0.2, ScaleMax: 1, RatioMax: 4. / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1,
		Grey: 0.2, Blur: 0.5, SigmaMin: 0.1, SigmaMax: 2,
	}
}

// Validate names a field that is out of range.
func (a Augmentation) Validate() error {
	for _, p := range []struct {
		name  string
		value float64
	}{{"flip", a.Flip}, {"jitter", a.Jitter}, {"grey", a.Grey}, {"blur", a.Blur}} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("%s %g: want a probability from 0 to 1", p.name, p.value)
		}
	}
	for _, x := range []struct {
		name  string
		value float64
	}{{"brightness", a.Brightness}, {"contrast", a.Contrast}, {"saturation", a.Saturation}} {
		if !(x.value >= 0 && x.value <= 100) {
			return fmt.Errorf("%s %g: want a number from 0 to 100", x.name, x.value)
		}
	}
	switch {
	case !(a.ScaleMin > 0 && a.ScaleMin <= a.ScaleMax && a.ScaleMax <= 1):
		return fmt.Errorf("scale %g to %g: want shares of the area above 0 and at most 1, in order", a.ScaleMin, a.ScaleMax)
	case !(a.RatioMax >= 1 && a.RatioMax <= 100):
		return fmt.Errorf("ratio %g: want a number from 1 to 100", a.RatioMax)
	case !(a.Hue >= 0 && a.Hue <= 0.5):
		return fmt.Errorf("hue %g: want a number from 0 to 0.5", a.Hue)
	case !(a.SigmaMin > 0 && a.SigmaMin <= a.SigmaMax && a.SigmaMax <= 100):
		return fmt.Errorf("sigma %g to %g: want numbers above 0 and at most 100, in order", a.SigmaMin, a.SigmaMax)
	}
	return nil
}

// View writes view v ≥ 0 of m into dst as Apply does: an augmented crop at the transform's size and scale. It depends only on seed, content
// (a hash of the file) and v, and is the same on every machine. View fails if dst has another length, or the transform or
// the augmentation is not valid; s may be nil.
func (t Transform) View(dst []float32, m *Image, a Augmentation, seed, content uint64, v int, s *Scratch) error {
	err := t.fits(dst, m)
	if err == nil {
		err = a.Validate()
	}
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	if v < 0 {
		return errors.New("view: want a number from 0")
	}
	if s == nil {
		s = new(Scratch)
	}
	r := rand.New(rand.NewPCG(mix(seed^mix(content)), mix(uint64(v))))
	s.window = grown(s.window, 3*t.Crop*t.Crop)
	s.crop(s.window, m, a.box(r, m.Width, m.Height), t.Crop)
	view := &Image{Width: t.Crop, Height: t.Crop, Pix: s.window}
	if r.Float64() < a.Flip {
		view.mirror()
	}
	if r.Float64() < a.Jitter {
		a.jitter(r, view)
	}
	if r.Float64() < a.Grey {
		view.blendGrey(0)
	}
	if r.Float64() < a.Blur {
		s.blur(view, blurSize(t.Crop), uniform(r, a.SigmaMin, a.SigmaMax))
	}
	t.planes(dst, s.window)
	return nil
}

// mix is the finaliser of SplitMix64: neighbouring inputs give unrelated outputs.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + float64((hi-lo)*r.Float64()) }

// box is a rectangle in a picture.
type box struct{ x, y, width, height int }

// box draws a crop as torchvision's RandomResizedCrop.get_params does: ten tries, then the middle.
func (a Augmentation) box(r *rand.Rand, width, height int) box {
	const tries = 10
	bend := logarithm(a.RatioMax)
	for range tries {
		area := float64(width) * float64(height) * uniform(r, a.ScaleMin, a.ScaleMax)
		ratio := exp(uniform(r, -bend, bend))
		w, h := int(math.RoundToEven(math.Sqrt(area*ratio))), int(math.RoundToEven(math.Sqrt(area/ratio)))
		if w > 0 && w <= width && h > 0 && h <= height {
			return box{x: r.IntN(width - w + 1), y: r.IntN(height - h + 1), width: w, height: h}
		}
	}
	w, h := width, height
	switch ratio := float64(width) / float64(height); {
	case ratio < 1/a.RatioMax:
		h = int(math.RoundToEven(float64(w) * a.RatioMax))
	case ratio > a.RatioMax:
		w = int(math.RoundToEven(float64(h) * a.RatioMax))
	}
	return box{x: (width - w) / 2, y: (height - h) / 2, width: w, height: h}
}

// crop writes the part b of m, resized to side×side, into dst: torchvision's resized_crop.
func (s *Scratch) crop(dst []uint8, m *Image, b box, side int) {
	s.part = grown(s.part, 3*b.width*b.height)
	for y := range b.height {
		copy(s.part[3*y*b.width:3*(y+1)*b.width], m.Pix[3*((b.y+y)*m.Width+b.x):])
	}
	part := &Image{Width: b.width, Height: b.height, Pix: s.part}
	s.resize(dst, part, window{width: side, height: side, columns: side, rows: side})
}

func (a Augmentation) jitter(r *rand.Rand, m *Image) {
	factor := func(x float64) float64 { return uniform(r, max(0, 1-x), 1+x) }
	for _, quality := range r.Perm(4) {
		switch quality {
		case 0:
			m.brightness(factor(a.Brightness))
		case 1:
			m.contrast(factor(a.Contrast))
		case 2:
			m.blendGrey(factor(a.Saturation))
		case 3:
			m.hue(uniform(r, -a.Hue, a.Hue))
		}
	}
}

// exp is eˣ computed with plain multiplications and additions, none of them fused: math.Exp may differ in its last bits between processors.
// Relative error below 1e-13 for |x| < 20.
func exp(x float64) float64 {
	halvings := 0
	for ; math.Abs(x) > 0.5; halvings++ {
		x /= 2
	}
	sum, term := 1.0, 1.0
	for k := 1.0; k <= 14; k++ {
		term = float64(term * x / k)
		sum += term
	}
	for range halvings {
		sum = float64(sum * sum)
	}
	return sum
}

// logarithm is log x for 1 ≤ x ≤ 100, by Newton's method on exp.
func logarithm(x float64) float64 {
	y := 0.0
	for range 128 { // far from the root a step is about −1 or less; near it the number of correct digits doubles
		y += x/exp(y) - 1
		y = min(y, 5)
	}
	return y
}
