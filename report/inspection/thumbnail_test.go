package inspection

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/draw"
)

// scene is an image of a few soft blobs, different for each seed.
func scene(seed uint64, width, height int) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 9))
	small := image.NewRGBA(image.Rect(0, 0, 9, 7))
	for y := range 7 {
		for x := range 9 {
			small.SetRGBA(x, y, color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255})
		}
	}
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(m, m.Rect, small, small.Rect, draw.Src, nil)
	return m
}

func scaled(m image.Image, width, height int) image.Image {
	to := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(to, to.Rect, m, m.Bounds(), draw.Src, nil)
	return to
}

func mirrored(m *image.RGBA) image.Image {
	to := image.NewRGBA(m.Rect)
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			to.Set(m.Rect.Dx()-1-x, y, m.At(x, y))
		}
	}
	return to
}

func TestThumbnailsOfOnePictureCorrelate(t *testing.T) {
	m := scene(1, 320, 240)
	even := func(v uint8) image.Image { return image.NewUniform(color.Gray{v}) }
	square := func(m image.Image) image.Image {
		to := image.NewRGBA(image.Rect(0, 0, 60, 60))
		draw.Draw(to, to.Rect, m, image.Point{}, draw.Src)
		return to
	}
	swapped, darker := image.NewRGBA(m.Rect), image.NewRGBA(m.Rect)
	for k := 0; k < len(m.Pix); k += 4 {
		copy(swapped.Pix[k:], []uint8{m.Pix[k+1], m.Pix[k], m.Pix[k+2], 255})
		copy(darker.Pix[k:], []uint8{m.Pix[k] / 2, m.Pix[k+1] / 2, m.Pix[k+2] / 2, 255})
	}
	gray := image.NewGray(m.Rect)
	draw.Draw(gray, gray.Rect, m, image.Point{}, draw.Src)
	for _, c := range []struct {
		name string
		a, b image.Image
		same bool
	}{
		{"itself", m, m, true},
		{"smaller and squeezed", m, scaled(m, 90, 100), true},
		{"tiny", m, scaled(m, 20, 15), true},
		{"mirrored", m, mirrored(m), true},
		{"grey", m, gray, true},
		{"darker", m, darker, true},
		{"in other colours", m, swapped, false},
		{"without 5 % at the right and below", m, m.SubImage(image.Rect(0, 0, 304, 228)), true},
		{"without 5 % at the left, mirrored", mirrored(m), m.SubImage(image.Rect(16, 6, 320, 234)), true},
		{"one half", m, m.SubImage(image.Rect(0, 0, 160, 240)), false},
		{"another", m, scene(2, 320, 240), false},
		{"nothing", m, square(even(90)), false},
		{"nothing and nothing", square(even(90)), square(even(92)), true},
		{"black and white", square(even(0)), square(even(255)), false},
	} {
		a, b := newThumbnail(c.a), newThumbnail(c.b)
		if got := correlation(a, b, 1); (got >= DefaultCorrelation) != c.same {
			t.Errorf("%s: the thumbnails correlate by %.3f", c.name, got)
		}
		if there, back := correlation(a, b, 1), correlation(b, a, 1); there-back > 1e-9 || back-there > 1e-9 {
			t.Errorf("%s: %.6f one way and %.6f the other", c.name, there, back)
		}
	}
}

// shown makes a Picture of a function that returns an image.
func shown(of func(i int) (image.Image, error)) func(context.Context, int, func(image.Image) error) error {
	return func(_ context.Context, i int, show func(image.Image) error) error {
		m, err := of(i)
		if err != nil {
			return err
		}
		return show(m)
	}
}

// For two candidate pairs the images decide; without an image, the features do.
func TestPicturesDecide(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := clouds(r)
	x = append(x, around(r, x[50], 1, 0.05)[0], around(r, x[60], 1, 0.05)[0], around(r, x[70], 1, 0.01)[0])
	g := graphOf(x, Neighbours(len(x)))
	of := shown(func(i int) (image.Image, error) {
		switch i {
		case 80:
			return scaled(scene(50, 64, 48), 200, 100), nil
		case 82:
			return nil, errors.New("gone")
		}
		return scene(uint64(i), 64, 48), nil
	})
	f := inspected(t, g, Images{Content: own(len(x))}, Options{Picture: of})
	if len(f.Groups) != 2 || f.Groups[0][1].Image != 80 || f.Groups[1][1].Image != 82 || f.Unread != 1 {
		t.Errorf("groups %v, %d unread: want 50 with 80 by their pictures and 70 with 82 by their features", f.Groups, f.Unread)
	}
	if f.Compared < 3 {
		t.Errorf("%d pairs were compared: 60 and 81 should be candidates", f.Compared)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Inspect(ctx, g, Images{Content: own(len(x))}, Options{Picture: of}); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
}
