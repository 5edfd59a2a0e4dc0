package run

import (
	"context"
	"fmt"
	"image"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
)

// Pictures loads images of a data set by their paths in a feature store.
type Pictures struct {
	set   *dataset.Set
	paths []string // paths of the store's rows
}

// OpenPictures lists the data set. Close it after use.
func OpenPictures(ctx context.Context, data string, o dataset.Options, paths []string) (*Pictures, error) {
	set, err := dataset.Open(ctx, data, o)
	if err != nil {
		return nil, err
	}
	return &Pictures{set, paths}, nil
}

// Close closes the data set.
func (p *Pictures) Close() error { return p.set.Close() }

// Image decodes the image of a row. Several goroutines may call it at once.
func (p *Pictures) Image(row int) (image.Image, error) {
	i, known := p.set.Find(p.paths[row])
	if !known {
		return nil, fmt.Errorf("%s is no longer in %s", p.paths[row], p.set.Root)
	}
	b, err := p.set.Read(i, nil)
	if err != nil {
		return nil, err
	}
	if raw := p.set.Raw; raw != nil {
		if len(b) != 3*raw.Width*raw.Height {
			return nil, fmt.Errorf("%s has %d bytes, want %d × %d × 3", p.paths[row], len(b), raw.Width, raw.Height)
		}
		return opaque(raw.RGB(b), raw.Width, raw.Height), nil
	}
	m, _, err := pixels.Decode(b, pixels.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	return opaque(m.Pix, m.Width, m.Height), nil
}

// opaque makes an image from interleaved RGB.
func opaque(rgb []uint8, width, height int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for k := range width * height {
		m.Pix[4*k], m.Pix[4*k+1], m.Pix[4*k+2], m.Pix[4*k+3] = rgb[3*k], rgb[3*k+1], rgb[3*k+2], 0xff
	}
	return m
}
