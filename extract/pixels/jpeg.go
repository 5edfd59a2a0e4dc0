package pixels

import "iconic/internal/kernel"

// underBlack converts the inks of one row, stored inverted as Adobe does (255: none), to Pillow's RGB: each ink is multiplied by the light
// that black leaves.
func underBlack(row, black []uint8) {
	for x := range len(row) / 3 {
		left := int(black[x])
		for c, v := range row[3*x : 3*x+3] {
			t := (255-int(v))*left + 128
			row[3*x+c] = uint8(left - (t>>8+t)>>8)
		}
	}
}

// upsampler widens one row of samples to the picture's width with libjpeg's triangle filter (jdsample.c, "fancy upsampling").
type upsampler struct {
	across, down  int // the picture's samples per sample of the plane
	width, height int // size of the plane
	smooth        bool
	line          []uint8
}

func newUpsampler(across, down, width, height int) *upsampler {
	u := &upsampler{across: across, down: down, width: width, height: height}
	// libjpeg repeats samples where it has no triangle filter: for factors of three and four, and for chroma two samples wide.
	u.smooth = across == 1 && down == 2 || across == 2 && down <= 2 && width > 2
	if across > 1 || u.smooth {
		u.line = make([]uint8, across*width)
	}
	return u
}

// row is the samples of the picture's row y, across·width or more. They are valid until the next call, and must not be changed.
func (u *upsampler) row(plane []uint8, stride, y int) []uint8 {
	at := y / u.down
	near := plane[at*stride:][:u.width]
	if !u.smooth {
		if u.across == 1 {
			return near
		}
		for x, v := range near {
			for i := range u.across {
				u.line[x*u.across+i] = v
			}
		}
		return u.line
	}
	if u.down == 1 {
		kernel.Triangle(u.line, near, near, 4, 8)
		return u.line
	}
	// The other row of the triangle lies on the side of y; beyond the border, the same row is used again.
	other := at - 1
	if y%2 == 1 {
		other = at + 1
	}
	far := plane[min(max(other, 0), u.height-1)*stride:][:u.width]
	if u.across == 2 {
		kernel.Triangle(u.line, near, far, 8, 7)
		return u.line
	}
	bias := 1 + y%2
	for x, v := range near {
		u.line[x] = uint8((3*int(v) + int(far[x]) + bias) >> 2)
	}
	return u.line
}
