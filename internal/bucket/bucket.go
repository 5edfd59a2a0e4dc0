package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"strings"
	"time"
)

// Object is an object of a bucket, in one version.
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
	Version  string // what tells versions apart: the ETag or generation; "" where the server does not say
}

// ErrChanged is in the chain of an error for an object that is no longer the version that was asked for.
var ErrChanged = errors.New("it was replaced while it was being read: start again")

// store is one kind of server. Its errors wrap fs.ErrNotExist, fs.ErrPermission, errors.ErrUnsupported or ErrChanged; all others may pass.
type store interface {
	page(ctx context.Context, prefix string, token []byte) (objects []Object, next []byte, err error) // in the order of the keys; no next: the last
	stat(ctx context.Context, key string) (Object, error)
	read(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error)
	write(ctx context.Context, key string, content io.ReadSeeker) error
	remove(ctx context.Context, key string) error
	close() error
}

// Bucket is an open bucket, or the one file behind an address of https. Its methods may be called by several goroutines at once.
type Bucket struct {
	name   string // for errors: "s3://bucket/", or the address of the file
	store  store
	tokens chan struct{} // bounds the requests under way
	blocks *blocks
	wait   time.Duration // before the first repetition
	stall  time.Duration

	closing context.Context // of what is asked for ahead
	end     context.CancelFunc
}

// Is tells whether a name is the address of an object or a bucket.
func Is(name string) bool {
	scheme, _, ok := strings.Cut(name, "://")
	switch scheme {
	case "s3", "gs", "azblob", "https", "http":
		return ok
	}
	return false
}

// Public is an address without what may be secret in it; any other name is given back as it is.
func Public(name string) string {
	if !Is(name) {
		return name
	}
	u, err := url.Parse(name)
	if err != nil {
		scheme, _, _ := strings.Cut(name, "://")
		return scheme + "://…"
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	u.Fragment = ""
	return strings.Replace(u.String(), "?%E2%80%A6", "?…", 1)
}

// most is the number of requests under way at once.
const most = 32

// Open opens what an address leads to, and gives the key or prefix that it names. Nothing is asked of the server yet, unless credentials
// have to be looked for. Close the bucket after use.
func Open(ctx context.Context, address string) (b *Bucket, key string, err error) {
	scheme, rest, _ := strings.Cut(address, "://")
	b = &Bucket{tokens: make(chan struct{}, most), blocks: newBlocks(), wait: 200 * time.Millisecond, stall: 30 * time.Second}
	closing, end := context.WithCancel(ctx)
	b.closing, b.end = closing, end
	defer func() {
		if err != nil {
			end()
		}
	}()
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "@") {
		return nil, "", fmt.Errorf("%s: credentials belong into the environment, not into the address", Public(address))
	}
	if scheme == "https" || scheme == "http" {
		b.name = Public(address)
		b.store, err = openWeb(address)
		return b, "", err
	}
	name, key, _ := strings.Cut(rest, "/")
	if name == "" {
		return nil, "", fmt.Errorf("%s names no bucket: want %s://bucket/prefix", address, scheme)
	}
	open, ok := openers[scheme]
	if !ok {
		return nil, "", fmt.Errorf("%s: this program was built without %s://: build it with -tags clouds", Public(address), scheme)
	}
	if b.store, err = open(ctx, name); err != nil {
		return nil, "", fmt.Errorf("%s://%s: %w", scheme, name, err)
	}
	b.name = scheme + "://" + name + "/"
	return b, key, nil
}

// openers are the kinds of buckets that this build knows.
var openers = map[string]func(ctx context.Context, name string) (store, error){"s3": openS3}

// Close ends the use of the bucket.
func (b *Bucket) Close() error {
	b.end()
	b.blocks.close()
	return b.store.close()
}

// Single tells whether it is the one file behind an address of https, whose key is empty.
func (b *Bucket) Single() bool { return strings.HasPrefix(b.name, "http") }

// Name is the address of an object.
func (b *Bucket) Name(key string) string {
	if b.Single() {
		return b.name
	}
	return b.name + key
}

// List gives the objects whose keys begin with a prefix, in the order of the keys, as the server's pages of them come.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		var objects []Object
		var token []byte
		for {
			err := b.try(ctx, prefix, func(ctx context.Context) (_ bool, err error) {
				var next []byte
				if objects, next, err = b.store.page(ctx, prefix, token); err == nil {
					token = next
				}
				return false, err
			})
			if err != nil {
				yield(Object{}, fmt.Errorf("list %w", err))
				return
			}
			for _, o := range objects {
				if !yield(o, nil) {
					return
				}
			}
			if len(token) == 0 {
				return
			}
		}
	}
}

// Stat asks for an object. The error wraps fs.ErrNotExist where there is none.
func (b *Bucket) Stat(ctx context.Context, key string) (o Object, err error) {
	err = b.try(ctx, key, func(ctx context.Context) (bool, error) {
		o, err = b.store.stat(ctx, key)
		return false, err
	})
	return o, err
}

// Write puts an object, whole or not at all, in place of what was there.
func (b *Bucket) Write(ctx context.Context, key string, content io.ReadSeeker) error {
	return b.try(ctx, key, func(ctx context.Context) (bool, error) {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return false, err
		}
		return false, b.store.write(ctx, key, content)
	})
}

// Remove removes an object; it is no error where there is none.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	err := b.try(ctx, key, func(ctx context.Context) (bool, error) { return false, b.store.remove(ctx, key) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Copy writes an object to w from its beginning.
func (b *Bucket) Copy(ctx context.Context, w io.Writer, o Object) error {
	r := b.Reader(ctx, o)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(r, 0, o.Size), make([]byte, 8<<20))
	return err
}

// attempts is how often a request is sent at most, without getting anywhere.
const attempts = 7

// try does what may have to be done again. further is true where something has come, so that the count begins anew.
func (b *Bucket) try(ctx context.Context, key string, do func(ctx context.Context) (further bool, err error)) error {
	select {
	case b.tokens <- struct{}{}:
		defer func() { <-b.tokens }()
	case <-ctx.Done():
		return ctx.Err()
	}
	wait := b.wait
	for n := 1; ; n++ {
		further, err := do(ctx)
		if further {
			n, wait = 1, b.wait
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, ErrChanged), errors.Is(err, errors.ErrUnsupported), n == attempts:
			return fmt.Errorf("%s: %w", b.Name(key), plain(err))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait *= 2
	}
}

// plain is an error in one line, without addresses that may be signed.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return fmt.Errorf("%s: %w", strings.ToLower(wrapped.Op), wrapped.Err)
	}
	return err
}
