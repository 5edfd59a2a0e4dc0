package extract

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/budget"
)

// room is the memory in which a worker reads and decodes.
type room struct {
	content []byte        // the last file; nil: none yet
	image   *pixels.Image // the last picture; nil: none yet
	scratch pixels.Scratch
}

// drop releases buffers left by a very large image.
func (r *room) drop() {
	const mostContent, mostPixels = 4 << 20, 16 << 20
	if cap(r.content) > mostContent {
		r.content = nil
	}
	if r.image != nil && cap(r.image.Pix) > mostPixels {
		r.image = nil
	}
}

// read turns a job's file into pixels, or finds the reason why that fails. Its error is only that ctx has ended.
//
// A file whose first bytes are not a picture's is not read further. Memory is reserved before it is used: first for the file's content,
// then for the picture, once the headers show what it takes. A worker that would have to wait for the second releases the first and waits
// for both, so that no two workers hold what the other wants.
func (s *stages) read(ctx context.Context, j *job, r *room) error {
	held := s.memory.Hold()
	defer held.Release()
	for {
		if err := s.load(ctx, j, r, held); err != nil {
			return j.skip(ctx, err)
		}
		if s.sink.Has(j.item.Hash) && (s.set.Raw != nil || !pixels.Deep(r.content)) { // of a deep one, only its pixels tell whether it is dark
			j.state = known
			return nil
		}
		cost, err := s.cost(r.content)
		if err != nil {
			return j.skip(ctx, err)
		}
		need := int64(len(r.content)) + cost
		enough, err := held.Raise(need)
		if err != nil {
			return j.skip(ctx, err)
		}
		if enough {
			break
		}
		r.content, r.image = nil, nil
		if err := held.Await(ctx, need); err != nil {
			return j.skip(ctx, err)
		}
	}
	if err := s.decode(ctx, j, r); err != nil {
		return j.skip(ctx, err)
	}
	j.state = decoded
	return nil
}

// load reads a job's file into the room, if it is a picture's, and records what its content is.
func (s *stages) load(ctx context.Context, j *job, r *room, held *budget.Holding) error {
	content, err := s.set.ReadIf(j.entry.listed, r.content, pixels.HeadSize, func(head []byte, size int64) error {
		if s.set.Raw == nil {
			if err := pixels.Recognise(head); err != nil {
				return err
			}
		}
		return held.Await(ctx, size)
	})
	if err != nil {
		return err
	}
	r.content = content
	sum := sha256.Sum256(content)
	j.item.Hash, j.item.Size = store.Hash(sum[:16]), int64(len(content))
	j.item.Several = s.set.Raw == nil && pixels.Several(content)
	return nil
}

// cost is the memory for decoding a file, besides its content.
func (s *stages) cost(content []byte) (int64, error) {
	if s.set.Raw != nil {
		return int64(len(content)), nil
	}
	return pixels.Cost(content, pixels.DecodeOptions{IgnoreEXIF: s.config.IgnoreEXIF})
}

// skip records why a job's image is bad, unless err only says that ctx has ended.
func (j *job) skip(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var lost *dataset.SourceError
	if errors.As(err, &lost) { // the image is not at fault
		return fmt.Errorf("%s: %w", j.item.Path, err)
	}
	if j.state = skipped; j.item.Hash == (store.Hash{}) && !ofContent(err) {
		j.state = unread
	}
	j.item.Kind, j.item.Skipped, j.item.Several, j.item.Dark = kindOf(err), reasonOf(err), false, false
	return nil
}

// decode fills the job's pixels with all views of its image.
func (s *stages) decode(ctx context.Context, j *job, r *room) error {
	t := &s.config.Transform
	size := 3 * t.Crop * t.Crop
	if j.pixels == nil {
		j.pixels = make([]float32, s.config.Views*size)
	}
	image, dark, err := imageOf(ctx, s.set, r.content, pixels.DecodeOptions{IgnoreEXIF: s.config.IgnoreEXIF, Room: r.image})
	if err != nil {
		return err
	}
	r.image, j.item.Dark = image, dark
	if err := t.Apply(j.pixels[:size], image, &r.scratch); err != nil {
		return err
	}
	content := binary.LittleEndian.Uint64(j.item.Hash[:])
	for v := 1; v < s.config.Views; v++ {
		if err := t.View(j.pixels[v*size:(v+1)*size], image, s.config.Augment, s.config.Seed, content, v, &r.scratch); err != nil {
			return err
		}
	}
	return nil
}

// imageOf decodes an item's content; dark is as in pixels.Info.
func imageOf(ctx context.Context, set *dataset.Set, content []byte, o pixels.DecodeOptions) (m *pixels.Image, dark bool, err error) {
	if raw := set.Raw; raw != nil {
		return &pixels.Image{Width: raw.Width, Height: raw.Height, Pix: raw.RGB(content)}, false, nil
	}
	m, info, err := pixels.DecodeContext(ctx, content, o)
	return m, info.Dark, err
}
