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
// each asked for once, and the longer they do so, the more blocks are asked for ahead of them; others ask for just what they want, unless
// a block is there that has it. Several goroutines may read at once.
type Reader struct {
	ctx    context.Context
	bucket *Bucket
	object Object
	last   atomic.Int64 // where the last read ended

	mu    sync.Mutex
	block int64 // the last that was read
	run   int64 // how many before it were read one after the other
}

// Reader reads an object until ctx ends.
func (b *Bucket) Reader(ctx context.Context, o Object) *Reader {
	return &Reader{ctx: ctx, bucket: b, object: o, block: -1}
}

// Ahead asks for an object that will be read soon, if it is small enough to be one block. It does not wait, and what fails is asked for
// again by who reads.
func (r *Reader) Ahead() {
	if r.object.Size > 0 && r.object.Size <= blockSize {
		r.bucket.ahead(r, 0)
	}
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
	if len(p) >= blockSize || !near && !r.bucket.blocks.have(r.object, offset, int64(len(p))) {
		if err := r.fetch(r.ctx, p, offset); err != nil {
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
		number := offset / blockSize
		for next := range r.following(number) {
			r.bucket.ahead(r, number+1+next)
		}
		block, err := r.bucket.blocks.get(r, number)
		if err != nil {
			return err
		}
		n := copy(p, block[offset%blockSize:])
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

// mostAhead is the number of blocks that are asked for ahead of a read.
const mostAhead = 4

// following gives how many blocks after one that is read are to be asked for: none of them until the second in a row.
func (r *Reader) following(number int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch number {
	case r.block:
		return 0
	case r.block + 1:
		r.run++
	case r.block - 1: // another goroutine is a little behind
		return 0
	default:
		r.run = 0
	}
	r.block = number
	return max(0, min(r.run, mostAhead, (r.object.Size-1)/blockSize-number))
}

// fetch fills p, asking again for what did not come.
func (r *Reader) fetch(ctx context.Context, p []byte, offset int64) error {
	return r.bucket.try(ctx, r.object.Key, func(ctx context.Context) (bool, error) {
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

// blocks are those of a bucket's objects that were read last, or will be read next.
type blocks struct {
	mu     sync.Mutex
	clock  int
	kept   map[blockKey]*block
	held   int64 // bytes
	ahead  int   // of the blocks that nobody has read yet, how many are on their way
	closed bool
	wait   sync.WaitGroup // for those
}

type blockKey struct {
	object Object
	number int64
}

type block struct {
	once    sync.Once
	size    int64
	content []byte
	err     error
	used    int
}

// mostBlocks bounds the bytes of a bucket's blocks.
const mostBlocks = 64 << 20

func newBlocks() *blocks { return &blocks{kept: map[blockKey]*block{}} }

// get gives a block. One that could not be read is tried anew by the next who asks.
func (s *blocks) get(r *Reader, number int64) ([]byte, error) {
	key := blockKey{r.object, number}
	s.mu.Lock()
	b := s.kept[key]
	if b == nil {
		b = s.add(key)
	}
	s.touch(b)
	s.mu.Unlock()
	return s.load(r.ctx, r, key, b)
}

// have tells whether a part of an object lies in blocks that are there or on their way.
func (s *blocks) have(o Object, offset, length int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for number := offset / blockSize; number*blockSize < offset+length; number++ {
		if s.kept[blockKey{o, number}] == nil {
			return false
		}
	}
	return true
}

// add makes room for a block that nothing has come of yet.
func (s *blocks) add(key blockKey) *block {
	b := &block{size: min(blockSize, key.object.Size-key.number*blockSize)}
	for s.held+b.size > mostBlocks && len(s.kept) > 0 {
		s.dropOldest()
	}
	s.kept[key] = b
	s.held += b.size
	return b
}

func (s *blocks) touch(b *block) {
	s.clock++
	b.used = s.clock
}

// load waits for a block, or brings it.
func (s *blocks) load(ctx context.Context, r *Reader, key blockKey, b *block) ([]byte, error) {
	b.once.Do(func() {
		content := make([]byte, b.size)
		if b.err = r.fetch(ctx, content, key.number*blockSize); b.err == nil {
			b.content = content
		}
	})
	if b.err != nil {
		s.mu.Lock()
		if s.kept[key] == b {
			s.drop(key)
		}
		s.mu.Unlock()
	}
	return b.content, b.err
}

func (s *blocks) drop(key blockKey) {
	s.held -= s.kept[key].size
	delete(s.kept, key)
}

func (s *blocks) dropOldest() {
	var oldest blockKey
	least := 0
	for key, b := range s.kept {
		if least == 0 || b.used < least {
			oldest, least = key, b.used
		}
	}
	s.drop(oldest)
}

// ahead brings a block that nobody waits for yet, unless it is there or as many are under way as requests may be.
func (b *Bucket) ahead(r *Reader, number int64) {
	s := b.blocks
	key := blockKey{r.object, number}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.kept[key] != nil || s.ahead == most {
		return
	}
	k := s.add(key)
	s.touch(k)
	s.ahead++
	s.wait.Go(func() {
		ctx, cancel := context.WithCancel(r.ctx)
		defer cancel()
		defer context.AfterFunc(b.closing, cancel)()
		_, _ = s.load(ctx, r, key, k) // who reads the block is told
		s.mu.Lock()
		s.ahead--
		s.mu.Unlock()
	})
}

// close waits for the blocks that are under way.
func (s *blocks) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wait.Wait()
}
