package pixels

import "context"

// Image is 8-bit RGB, rows from the top, three bytes per pixel.
type Image struct {
	Width, Height int
	Pix           []uint8 // 3·Width·Height
}

func newImage(width, height int) *Image {
	return &Image{Width: width, Height: height, Pix: make([]uint8, 3*width*height)}
}

// sized is a black picture in the memory of room, which becomes unusable; if room is nil, the memory is new.
func (room *Image) sized(width, height int) *Image {
	if room == nil || cap(room.Pix) < 3*width*height {
		return newImage(width, height)
	}
	room.Width, room.Height, room.Pix = width, height, room.Pix[:3*width*height]
	clear(room.Pix)
	return room
}

// placed is m with its corner at (x, y) of a black canvas, clipped to it.
func (m *Image) placed(width, height, x, y int) *Image {
	if m.Width == width && m.Height == height && x == 0 && y == 0 {
		return m
	}
	out := newImage(width, height)
	w := min(m.Width, width-x)
	for row := range min(m.Height, height-y) {
		if w > 0 {
			copy(out.Pix[3*((y+row)*width+x):], m.Pix[3*row*m.Width:3*(row*m.Width+w)])
		}
	}
	return out
}

// oriented returns the upright picture for an EXIF orientation, 1 to 8 (EXIF 2.32, tag 0x0112). It ends with its context.
func (m *Image) oriented(ctx context.Context, orientation int) (*Image, error) {
	if orientation < 2 || orientation > 8 {
		return m, nil
	}
	w, h := m.Width, m.Height
	if orientation >= 5 {
		w, h = h, w
	}
	out := newImage(w, h)
	for y := range h {
		if err := each(ctx, y, w); err != nil {
			return nil, err
		}
		for x := range w {
			var sx, sy int
			switch orientation {
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, w-1-x
			case 7:
				sx, sy = h-1-y, w-1-x
			case 8:
				sx, sy = h-1-y, x
			}
			copy(out.Pix[3*(y*w+x):][:3], m.Pix[3*(sy*m.Width+sx):][:3])
		}
	}
	return out, nil
}
