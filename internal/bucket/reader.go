package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// Reader reads one version of an object at any offset. Sequential reads, or nearly sequential ones, are served from blocks of 4 MiB, each
// requested once; the longer the sequence, the more blocks are requested ahead. Other reads request only what they need, unless a cached
// block has it. Several goroutines may read at once.
type Reader struct {
	ctx    context.Context
	bucket *Bucket
	object Object
	last   atomic.Int64 // end of the last read

	mu    sync.Mutex
	block int64 // the last block read
	run   int64 // how many blocks were read in sequence before it
}

// Reader returns a reader of an object that works until ctx ends.
func (b *Bucket) Reader(ctx context.Context, o Object) *Reader {
	return &Reader{ctx: ctx, bucket: b, object: o, block: -1}
}

// Ahead requests an object that will be read soon, if it fits in one block. It does not wait; if it fails, the later read requests the
// object again.
func (r *Reader) Ahead() {
	if r.object.Size > 0 && r.object.Size <= blockSize {
		r.bucket.ahead(r, 0)
	}
}

// blockSize is the number of bytes requested at once for sequential reads.
const blockSize = 4 << 20

// ReadAt fills p from an offset.
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, errors.New("negative offset")
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

// fromBlocks copies a range that may span two blocks.
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

// mostAhead is the number of blocks requested ahead of a read.
const mostAhead = 4

// following returns how many blocks after the current one to request: none until the second in sequence.
func (r *Reader) following(number int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch number {
	case r.block:
		return 0
	case r.block + 1:
		r.run++
	case r.block - 1: // another goroutine is slightly behind
		return 0
	default:
		r.run = 0
	}
	r.block = number
	return max(0, min(r.run, mostAhead, (r.object.Size-1)/blockSize-number))
}

// fetch fills p, requesting again what did not arrive.
func (r *Reader) fetch(ctx context.Context, p []byte, offset int64) error {
	return r.bucket.try(ctx, r.object.Key, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		silence := time.AfterFunc(r.bucket.stall, func() { cancel(errSilent) })
		defer silence.Stop()
		body, err := r.bucket.store.read(ctx, r.object, offset, int64(len(p)))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("it was removed while it was being read, start again: %w", err)
		}
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
			err = fmt.Errorf("the connection was closed too early: %w", io.ErrUnexpectedEOF)
		}
		return got > 0, spoken(ctx, err)
	})
}

var errSilent = errors.New("the server sent nothing for half a minute")

// spoken replaces an error by the cause for which its context was ended.
func spoken(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

// blocks caches blocks of a bucket's objects that were read recently or will be read soon.
type blocks struct {
	mu     sync.Mutex
	clock  int
	kept   map[blockKey]*block
	held   int64 // bytes
	ahead  int   // number of requested blocks that nobody has read yet
	closed bool
	wait   sync.WaitGroup // for the requests in progress
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

// mostBlocks bounds the cache in bytes.
const mostBlocks = 64 << 20

func newBlocks() *blocks { return &blocks{kept: map[blockKey]*block{}} }

// get returns a block. If a block could not be read, the next caller tries again.
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

// have reports whether a part of an object lies in blocks that are cached or being requested.
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

// add adds a block before its data arrive.
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

// load waits for a block, or requests it.
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

// ahead requests a block that nobody waits for yet, unless it is cached or the limit on requests is reached.
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
		_, _ = s.load(ctx, r, key, k) // the reader of the block gets the error
		s.mu.Lock()
		s.ahead--
		s.mu.Unlock()
	})
}

// close waits for the requests in progress.
func (s *blocks) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wait.Wait()
}
