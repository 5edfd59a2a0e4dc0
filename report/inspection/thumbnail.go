package inspection

import (
	"context"
	"image"
	"math"
	"slices"

	"golang.org/x/image/draw"

	"iconic/internal/parallel"
)

// side is the number of pixels along each side of a thumbnail, grid the number of points along each side at which two thumbnails are compared.
const (
	side = 32
	grid = side / 2
)

// thumbnail is an image scaled to a square.
type thumbnail struct {
	luminance [side * side]uint8
	colour    [patches * patches][2]float32 // Cb and Cr minus grey, averaged over patches of the square
}

// patches is the number of patches along each side.
const patches = 4

// newThumbnail averages the image pixels that each thumbnail pixel covers.
func newThumbnail(m image.Image) *thumbnail {
	b := m.Bounds()
	if b.Empty() {
		return new(thumbnail)
	}
	// An image smaller than the thumbnail is enlarged first, so that each thumbnail pixel covers at least one pixel.
	if b.Dx() < side || b.Dy() < side {
		large := image.NewRGBA(image.Rect(0, 0, max(side, b.Dx()), max(side, b.Dy())))
		draw.BiLinear.Scale(large, large.Rect, asRGBA(m, b), b, draw.Src, nil)
		m, b = large, large.Rect
	}
	t := new(thumbnail)
	for y := range side {
		y0, y1 := y*b.Dy()/side, (y+1)*b.Dy()/side
		t.average(asRGBA(m, image.Rect(b.Min.X, b.Min.Y+y0, b.Max.X, b.Min.Y+y1)), y)
	}
	return t
}

// asRGBA is a part of an image: of an image.RGBA without a copy.
func asRGBA(m image.Image, part image.Rectangle) *image.RGBA {
	if rgba, ok := m.(*image.RGBA); ok {
		return rgba.SubImage(part).(*image.RGBA)
	}
	rgba := image.NewRGBA(part)
	draw.Draw(rgba, part, m, part.Min, draw.Src)
	return rgba
}

// average makes row y of the thumbnail from the rows of the image that it covers.
func (t *thumbnail) average(rows *image.RGBA, y int) {
	width, height := rows.Rect.Dx(), rows.Rect.Dy()
	for x := range side {
		x0, x1 := x*width/side, (x+1)*width/side
		var red, green, blue uint64
		for v := range height {
			row := rows.Pix[v*rows.Stride+4*x0 : v*rows.Stride+4*x1]
			for k := 0; k < len(row); k += 4 {
				red, green, blue = red+uint64(row[k]), green+uint64(row[k+1]), blue+uint64(row[k+2])
			}
		}
		luminance := 0.299*float64(red) + 0.587*float64(green) + 0.114*float64(blue)
		pixels := float64(height * (x1 - x0))
		t.luminance[y*side+x] = uint8(math.Round(luminance / pixels))
		patch := &t.colour[y*patches/side*patches+x*patches/side]
		const inPatch = side * side / (patches * patches)
		patch[0] += float32((-0.168736*float64(red) - 0.331264*float64(green) + 0.5*float64(blue)) / pixels / inPatch)
		patch[1] += float32((0.5*float64(red) - 0.418688*float64(green) - 0.081312*float64(blue)) / pixels / inPatch)
	}
}

func (t *thumbnail) mirrored() *thumbnail {
	m := *t
	for row := range slices.Chunk(m.luminance[:], side) {
		slices.Reverse(row)
	}
	for row := range slices.Chunk(m.colour[:], patches) {
		slices.Reverse(row)
	}
	return &m
}

// at interpolates between pixel centres; x and y are in pixels, and the edge extends outwards.
func (t *thumbnail) at(x, y float64) float64 {
	x, y = min(max(x-0.5, 0), side-1), min(max(y-0.5, 0), side-1)
	i, j := min(int(x), side-2), min(int(y), side-2)
	u, v := x-float64(i), y-float64(j)
	k := j*side + i
	return (1-v)*((1-u)*float64(t.luminance[k])+u*float64(t.luminance[k+1])) + v*((1-u)*float64(t.luminance[k+side])+u*float64(t.luminance[k+side+1]))
}

// window is a square part of a thumbnail, in fractions of its side.
type window struct{ x, y, size float64 }

// windows are the whole, and squares of 97, 94 and 90 % of the side in the middle, at the edges and in the corners.
var windows = func() []window {
	list := []window{{0, 0, 1}}
	for _, size := range []float64{0.97, 0.94, 0.9} {
		for _, x := range []float64{0, 0.5, 1} {
			for _, y := range []float64{0, 0.5, 1} {
				list = append(list, window{x * (1 - size), y * (1 - size), size})
			}
		}
	}
	return list
}()

// pattern contains grid×grid values minus their mean, scaled to length 1, and their original mean and deviation in luminance steps.
type pattern struct {
	value           [grid * grid]float64
	mean, deviation float64
}

// flat is the deviation below which a thumbnail contains only noise.
const flat = 2

// pattern samples a window; each value is the mean of four points.
func (t *thumbnail) pattern(w window) *pattern {
	p := new(pattern)
	step := w.size * side / grid
	var sum float64
	for y := range grid {
		for x := range grid {
			left, top := w.x*side+float64(x)*step, w.y*side+float64(y)*step
			v := t.at(left+step/4, top+step/4) + t.at(left+3*step/4, top+step/4) + t.at(left+step/4, top+3*step/4) + t.at(left+3*step/4, top+3*step/4)
			p.value[y*grid+x] = v / 4
			sum += v / 4
		}
	}
	p.mean = sum / (grid * grid)
	square := 0.0
	for k := range p.value {
		p.value[k] -= p.mean
		square += p.value[k] * p.value[k]
	}
	p.deviation = math.Sqrt(square / (grid * grid))
	if length := math.Sqrt(square); length > 0 {
		for k := range p.value {
			p.value[k] /= length
		}
	}
	return p
}

// with is the correlation of two patterns, −1 to 1; 0 if one of them is flat.
func (p *pattern) with(q *pattern) float64 {
	if p.deviation < flat || q.deviation < flat {
		return 0
	}
	var sum float64
	for k, v := range p.value {
		sum += v * q.value[k]
	}
	return sum
}

// Limits for colours that agree. Greyscale, darkened and faded versions of an image agree with it.
const (
	grey        = 2.0  // root mean square of Cb and Cr below which an image is greyscale
	sameColours = 0.85 // minimum cosine of the colours of all patches
)

// coloursAgree reports whether two thumbnails have the same colours in the same places, or one of them is greyscale.
func coloursAgree(a, b *thumbnail) bool {
	var ab, aa, bb float64
	for k := range a.colour {
		for c := range 2 {
			x, y := float64(a.colour[k][c]), float64(b.colour[k][c])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
	}
	none := 2.0 * patches * patches * grey * grey
	return aa < none || bb < none || ab >= sameColours*math.Sqrt(aa*bb)
}

// hopeless is the correlation of whole thumbnails below which no margin is tried.
const hopeless = 0.3

// correlation is the greatest correlation of two thumbnails, with or without mirroring one of them, and with one of them whole and the other whole or without a
// margin; 0 if their colours disagree. It stops as soon as enough is reached. Two flat thumbnails have correlation 1 if
// their luminance agrees.
func correlation(a, b *thumbnail, enough float64) float64 {
	whole := windows[0]
	pa, pb := a.pattern(whole), b.pattern(whole)
	if pa.deviation < flat && pb.deviation < flat {
		if math.Abs(pa.mean-pb.mean) < 2*flat && coloursAgree(a, b) {
			return 1
		}
		return 0
	}
	most := 0.0
	for _, c := range []*thumbnail{b, b.mirrored()} {
		if !coloursAgree(a, c) {
			continue
		}
		pc := c.pattern(whole)
		best := pa.with(pc)
		for k := 1; k < len(windows) && best >= hopeless && best < enough; k++ {
			best = max(best, a.pattern(windows[k]).with(pc), pa.with(c.pattern(windows[k])))
		}
		if most = max(most, best); most >= enough {
			break
		}
	}
	return most
}

// nearDuplicates are the candidates that are confirmed as near duplicates.
func (f *Findings) nearDuplicates(ctx context.Context, g Graph, first []int, o Options) ([]pair, error) {
	if o.Picture == nil {
		return candidates(g, featureRatio, 0), nil
	}
	pairs := candidates(g, candidateRatio, leastScale*g.Typical)
	thumbnails, err := f.thumbnails(ctx, pairs, first, o)
	if err != nil {
		return nil, err
	}
	near := make([]bool, len(pairs))
	err = parallel.Blocks(ctx, o.Workers, len(pairs), 16, func(_, lo, hi int) error {
		for k := lo; k < hi; k++ {
			a, b := thumbnails[pairs[k].a], thumbnails[pairs[k].b]
			if a == nil || b == nil {
				near[k] = pairs[k].ratio <= featureRatio
			} else {
				near[k] = correlation(a, b, o.Correlation) >= o.Correlation
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.Compared = len(pairs)
	kept := pairs[:0]
	for k, p := range pairs {
		if near[k] {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// thumbnails are the thumbnails of the contents in pairs, 1 KB each; nil for an image that could not be read.
func (f *Findings) thumbnails(ctx context.Context, pairs []pair, first []int, o Options) (map[int]*thumbnail, error) {
	var contents []int
	for _, p := range pairs {
		contents = append(contents, p.a, p.b)
	}
	slices.Sort(contents)
	contents = slices.Compact(contents)
	made := make([]*thumbnail, len(contents))
	err := parallel.Blocks(ctx, o.Workers, len(contents), 1, func(k, _, _ int) error {
		var t *thumbnail
		err := o.Picture(ctx, first[contents[k]], func(m image.Image) error {
			if m != nil {
				t = newThumbnail(m)
			}
			return nil
		})
		if err == nil {
			made[k] = t
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	of := make(map[int]*thumbnail, len(contents))
	for k, c := range contents {
		of[c] = made[k]
		if made[k] == nil {
			f.Unread++
		}
	}
	return of, nil
}
