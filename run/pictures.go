package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/features"
	"iconic/internal/budget"
	"iconic/report/page"
)

// Pictures loads images of a data set by their paths in a feature store. All that are loaded at once share one budget of memory.
type Pictures struct {
	set    *dataset.Set
	paths  []string   // paths of the store's rows
	hashes [][16]byte // of the images' bytes when the features were made, zero for one that is not known; nil: none is
	memory *budget.Budget
}

// OpenPictures lists the data set, whose images have the paths and, as far as they are known, the hashes of a set of features, one per row (features.Set;
// without hashes nil). o.Memory is the number of bytes for listing it, and then for reading and decoding its images; 0: half of what the machine or its
// control group has. It fails if the data set has none of the paths. Close it after use.
func OpenPictures(ctx context.Context, data string, o dataset.Options, paths []string, hashes [][16]byte) (*Pictures, error) {
	if hashes != nil && len(hashes) != len(paths) {
		return nil, fmt.Errorf("%d hashes of %d images", len(hashes), len(paths))
	}
	if err := budget.Check(o.Memory); err != nil {
		return nil, err
	}
	set, err := dataset.Open(ctx, data, o)
	if err != nil {
		return nil, err
	}
	total := budget.New(o.Memory).Total()
	p := &Pictures{set, paths, hashes, budget.New(total - set.Share(total))}
	if n, example := p.Missing(); n > 0 && n == len(paths) {
		return nil, errors.Join(fmt.Errorf("%s has none of the images of the features (such as %s)", set.Root, example), set.Close())
	}
	return p, nil
}

// Close closes the data set.
func (p *Pictures) Close() error { return p.set.Close() }

// Missing counts the rows whose images are not in the data set, and names one of them.
func (p *Pictures) Missing() (n int, example string) {
	for _, path := range p.paths {
		if _, known := p.set.Find(path); !known {
			n++
			example = cmp.Or(example, path)
		}
	}
	return n, example
}

// Changed is Changed for the images of the data set, without reading files of which this machine knows nothing.
func (p *Pictures) Changed(ctx context.Context, of *features.Set, workers int, progress func(done, total int)) ([]bool, error) {
	return Changed(ctx, of, p.set, false, workers, progress)
}

// Show decodes the image of a row and calls show with it; the image is valid until show returns. Several goroutines may call it at once: each
// waits until its image fits into the memory beside the others. An image that needs more than all of it is an error, as one that cannot be
// read is, and one that is another file than that of the features (page.ErrOther). Show returns the error of show, and ends with ctx.
func (p *Pictures) Show(ctx context.Context, row int, show func(image.Image) error) error {
	i, known := p.set.Find(p.paths[row])
	if !known {
		return fmt.Errorf("%s is no longer in %s", p.paths[row], p.set.Root)
	}
	held := p.memory.Hold()
	defer held.Release()
	content, err := p.load(ctx, i, held)
	if err != nil {
		return err
	}
	if p.hashes != nil && p.hashes[row] != ([16]byte{}) {
		if sum := sha256.Sum256(content); [16]byte(sum[:16]) != p.hashes[row] {
			return fmt.Errorf("%s in %s %w", p.paths[row], p.set.Root, page.ErrOther)
		}
	}
	if raw := p.set.Raw; raw != nil {
		return show(&rgb{raw.RGB(content), raw.Width, raw.Height})
	}
	m, _, err := pixels.DecodeContext(ctx, content, pixels.DecodeOptions{})
	if err != nil {
		return err
	}
	return show(&rgb{m.Pix, m.Width, m.Height})
}

// load reads the file of item i, and makes held large enough for decoding it. Memory is reserved before it is used: for the file's content,
// and then for the picture, once the headers show what it takes. If that is not free, the content is dropped and read again when both are, so
// that no two goroutines hold what the other wants.
func (p *Pictures) load(ctx context.Context, i int, held *budget.Holding) ([]byte, error) {
	for {
		content, err := p.set.ReadIf(i, nil, pixels.HeadSize, func(head []byte, size int64) error {
			if p.set.Raw == nil {
				if err := pixels.Recognise(head); err != nil {
					return err
				}
			}
			return held.Await(ctx, size)
		})
		if err != nil {
			return nil, err
		}
		cost, err := p.cost(i, content)
		if err != nil {
			return nil, err
		}
		need := int64(len(content)) + cost
		if enough, err := held.Raise(need); enough || err != nil {
			return content, err
		}
		content = nil
		if err := held.Await(ctx, need); err != nil {
			return nil, err
		}
	}
}

// cost is the memory for decoding the content of item i, besides the content.
func (p *Pictures) cost(i int, content []byte) (int64, error) {
	raw := p.set.Raw
	if raw == nil {
		return pixels.Cost(content, pixels.DecodeOptions{})
	}
	if len(content) != 3*raw.Width*raw.Height {
		return 0, fmt.Errorf("%s has %d bytes, want %d × %d × 3", p.set.Items[i].Path, len(content), raw.Width, raw.Height)
	}
	return int64(len(content)), nil
}

// rgb is an opaque image of three bytes per pixel, in rows from the top. A copy as an image.RGBA would take more memory than the pixels.
type rgb struct {
	pix           []uint8
	width, height int
}

func (m *rgb) ColorModel() color.Model { return color.RGBAModel }
func (m *rgb) Bounds() image.Rectangle { return image.Rect(0, 0, m.width, m.height) }
func (m *rgb) Opaque() bool            { return true }

func (m *rgb) At(x, y int) color.Color {
	p := m.at(x, y)
	return color.RGBA{p[0], p[1], p[2], 0xff}
}

// RGBA64At is At without an allocation.
func (m *rgb) RGBA64At(x, y int) color.RGBA64 {
	p := m.at(x, y)
	return color.RGBA64{R: uint16(p[0]) * 0x101, G: uint16(p[1]) * 0x101, B: uint16(p[2]) * 0x101, A: 0xffff}
}

func (m *rgb) at(x, y int) []uint8 {
	if !image.Pt(x, y).In(m.Bounds()) {
		return []uint8{0, 0, 0}
	}
	return m.pix[3*(y*m.width+x):][:3:3]
}
