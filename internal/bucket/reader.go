package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Reader reads one version of an object from anywhere in it. Reads that follow each other, or nearly do, are served from blocks of 4 MiB,
// each asked for once; others ask for just what they want. Several goroutines may read at once.
type Reader struct {
	ctx    context.Context
	bucket *Bucket
	object Object
	last   atomic.Int64 // where the last read ended
}

// Reader reads an object until ctx ends.
func (b *Bucket) Reader(ctx context.Context, o Object) *Reader {
	return &Reader{ctx: ctx, bucket: b, object: o}
}

// blockSize is what is read at once where reads follow each other.
const blockSize = 4 << 20

// ReadAt fills p from an offset.
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("an offset below zero")
	}
	if offset >= r.object.Size {
		return 0, io.EOF
	}
	short := int64(len(p)) > r.object.Size-offset
	p = p[:min(int64(len(p)), r.object.Size-offset)]
	before := r.last.Swap(offset + int64(len(p)))
	near := offset-before < blockSize && before-offset < blockSize || r.object.Size <= blockSize
	if !near || len(p) >= blockSize {
		if err := r.fetch(p, offset); err != nil {
			return 0, err
		}
	} else if err := r.fromBlocks(p, offset); err != nil {
		return 0, err
	}
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

// fromBlocks copies what may lie in two blocks.
func (r *Reader) fromBlocks(p []byte, offset int64) error {
	for len(p) > 0 {
		block, err := r.bucket.blocks.get(r.ctx, r, offset/blockSize)
		if err != nil {
			return err
		}
		n := copy(p, block[offset%blockSize:])
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

// fetch fills p, asking again for what did not come.
func (r *Reader) fetch(p []byte, offset int64) error {
	return r.bucket.try(r.ctx, r.object.Key, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		silence := time.AfterFunc(r.bucket.stall, func() { cancel(errSilent) })
		defer silence.Stop()
		body, err := r.bucket.store.read(ctx, r.object, offset, int64(len(p)))
		if err != nil {
			return false, spoken(ctx, err)
		}
		got := 0
		for got < len(p) && err == nil {
			var n int
			silence.Reset(r.bucket.stall)
			n, err = body.Read(p[got:])
			got += n
		}
		whole := got == len(p)
		if cerr := body.Close(); err == nil && !whole {
			err = cerr
		}
		p, offset = p[got:], offset+int64(got)
		if whole {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the connection was cut: %w", io.ErrUnexpectedEOF)
		}
		return got > 0, spoken(ctx, err)
	})
}

var errSilent = errors.New("the server said nothing for half a minute")

// spoken is the reason for which a context was ended, where that is why something failed.
func spoken(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

// blocks are those of a bucket's objects that were read last.
type blocks struct {
	mu    sync.Mutex
	clock int
	kept  map[blockKey]*block
}

type blockKey struct {
	object Object
	number int64
}

type block struct {
	once    sync.Once
	content []byte
	err     error
	used    int
}

// mostBlocks bounds the memory of a bucket's blocks, 64 MiB.
const mostBlocks = 16

func newBlocks() *blocks { return &blocks{kept: map[blockKey]*block{}} }

// get gives a block. One that could not be read is tried anew by the next who asks.
func (s *blocks) get(ctx context.Context, r *Reader, number int64) ([]byte, error) {
	key := blockKey{r.object, number}
	s.mu.Lock()
	b := s.kept[key]
	if b == nil {
		if len(s.kept) >= mostBlocks {
			s.dropOldest()
		}
		b = new(block)
		s.kept[key] = b
	}
	s.clock++
	b.used = s.clock
	s.mu.Unlock()
	b.once.Do(func() {
		at := number * blockSize
		content := make([]byte, min(blockSize, r.object.Size-at))
		if b.err = r.fetch(content, at); b.err == nil {
			b.content = content
		}
	})
	if b.err != nil {
		s.mu.Lock()
		if s.kept[key] == b {
			delete(s.kept, key)
		}
		s.mu.Unlock()
	}
	return b.content, b.err
}

func (s *blocks) dropOldest() {
	var oldest blockKey
	least := 0
	for key, b := range s.kept {
		if least == 0 || b.used < least {
			oldest, least = key, b.used
		}
	}
	delete(s.kept, oldest)
}
