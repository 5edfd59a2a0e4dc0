package curator

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"strconv"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"iconic/internal/parallel"
)

const (
	thumbnailSide  = 224      // longest side in pixels
	thumbnailBytes = 64 << 20 // cache size
	mostAtOnce     = 4        // most pictures decoded at once
)

// thumbnails makes small pictures on request and caches the most recently requested ones.
type thumbnails struct {
	picture func(ctx context.Context, image int, show func(image.Image) error) error
	free    *semaphore.Weighted
	one     singleflight.Group

	mu    sync.Mutex
	order *list.List // cached thumbnails, the most recently requested first
	at    map[int]*list.Element
	bytes int
}

type kept struct {
	image int
	jpeg  []byte
}

func newThumbnails(picture func(context.Context, int, func(image.Image) error) error, workers int) *thumbnails {
	return &thumbnails{
		picture: picture, free: semaphore.NewWeighted(int64(min(mostAtOnce, parallel.Workers(workers)))),
		order: list.New(), at: map[int]*list.Element{},
	}
}

// get returns a JPEG file. A request cancelled while it waits costs nothing.
func (t *thumbnails) get(ctx context.Context, i int) ([]byte, error) {
	if t.picture == nil {
		return nil, errors.New("the images are not available")
	}
	if b := t.known(i); b != nil {
		return b, nil
	}
	if err := t.free.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer t.free.Release(1)
	b, err, _ := t.one.Do(strconv.Itoa(i), func() (any, error) {
		if b := t.known(i); b != nil {
			return b, nil
		}
		var b []byte
		err := t.picture(context.WithoutCancel(ctx), i, func(m image.Image) (err error) { // other requests may wait for it, too
			b, err = small(m)
			return err
		})
		if err != nil {
			return nil, err
		}
		t.keep(i, b)
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	return b.([]byte), nil
}

func (t *thumbnails) known(i int) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.at[i]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(kept).jpeg
}

func (t *thumbnails) keep(i int, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[i] = t.order.PushFront(kept{i, b})
	for t.bytes += len(b); t.bytes > thumbnailBytes; {
		last := t.order.Remove(t.order.Back()).(kept)
		delete(t.at, last.image)
		t.bytes -= len(last.jpeg)
	}
}

// small encodes an image as JPEG, scaled down if its longer side exceeds thumbnailSide.
func small(m image.Image) ([]byte, error) {
	width, height := m.Bounds().Dx(), m.Bounds().Dy()
	if width < 1 || height < 1 {
		return nil, errors.New("the image has no pixels")
	}
	if long := max(width, height); long > thumbnailSide {
		to := image.NewRGBA(image.Rect(0, 0, max(1, width*thumbnailSide/long), max(1, height*thumbnailSide/long)))
		draw.ApproxBiLinear.Scale(to, to.Rect, m, m.Bounds(), draw.Src, nil)
		m = to
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 82})
	return b.Bytes(), err
}
