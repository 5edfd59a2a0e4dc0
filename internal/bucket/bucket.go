package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Object is an object of a bucket, in one version.
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
	Version  string // identifies the version: the ETag or generation; "" if the server gives none
}

// ErrChanged is in the chain of an error for an object that is no longer in the requested version.
var ErrChanged = errors.New("it was replaced while it was being read: start again")

// errRefused is in the chain of a store's error for a request that the server would refuse again.
var errRefused = errors.New("the server refuses the request")

// refusal is a permanent error in words that need no further ones.
type refusal string

func (r refusal) Error() string { return string(r) }

func (refusal) Unwrap() error { return errRefused }

// passing reports whether a status may be another one the next time.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status < 300 || status > 499
}

// store is one kind of server. Its permanent errors wrap fs.ErrNotExist, fs.ErrPermission, errors.ErrUnsupported, ErrChanged or errRefused; all others
// may be transient.
type store interface {
	page(ctx context.Context, prefix string, token []byte) (objects []Object, next []byte, err error) // in the order of the keys; the last page has no next
	stat(ctx context.Context, key string) (Object, error)
	read(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error)
	write(ctx context.Context, key string, content io.ReadSeeker) error
	remove(ctx context.Context, key string) error
	close() error
}

// Bucket is an open bucket, or the single file at an https address. Its methods may be called from several goroutines at once.
type Bucket struct {
	name   string // for errors: "s3://bucket/", or the address of the file
	store  store
	tokens chan struct{} // bounds the number of requests in progress
	blocks *blocks
	wait   time.Duration // before the first retry
	stall  time.Duration

	closing context.Context // for requests ahead of reads
	end     context.CancelFunc
}

// Is reports whether a name is the address of an object or a bucket.
func Is(name string) bool {
	scheme, _, ok := strings.Cut(name, "://")
	switch scheme {
	case "s3", "gs", "azblob", "https", "http":
		return ok
	}
	return false
}

// onWeb reports whether an address is a URL, which may have a query. After the name of a bucket comes a key, in which every character stands for itself.
func onWeb(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// Public is an address without the parts that may be secret; any other name is returned unchanged.
func Public(name string) string {
	switch {
	case !Is(name):
		return name
	case !onWeb(name):
		scheme, rest, _ := strings.Cut(name, "://")
		authority, key, more := strings.Cut(rest, "/")
		public := scheme + "://" + authority[strings.LastIndexByte(authority, '@')+1:]
		if more {
			public += "/" + key
		}
		return public
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

// most is the largest number of requests in progress.
const most = 32

// Open opens an address, and returns the key or prefix that it names. It contacts no server, except to find credentials. Close the bucket
// after use.
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
	ends := "/"
	if onWeb(address) {
		ends = "/?#"
	}
	if i := strings.IndexAny(rest, ends); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "@") {
		return nil, "", fmt.Errorf("%s: put credentials into the environment, not into the address", Public(address))
	}
	if onWeb(address) {
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

// openers are the kinds of buckets that this build supports.
var openers = map[string]func(ctx context.Context, name string) (store, error){"s3": openS3}

// Close ends the use of the bucket.
func (b *Bucket) Close() error {
	b.end()
	b.blocks.close()
	return b.store.close()
}

// Single reports whether the bucket is the single file at an https address, whose key is empty.
func (b *Bucket) Single() bool { return strings.HasPrefix(b.name, "http") }

// Name is the address of an object.
func (b *Bucket) Name(key string) string {
	if b.Single() {
		return b.name
	}
	return b.name + key
}

// List yields the objects whose keys begin with a prefix, in the order of the keys, as the server returns pages of them.
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

// Stat requests an object's size and version. The error wraps fs.ErrNotExist if there is no such object.
func (b *Bucket) Stat(ctx context.Context, key string) (o Object, err error) {
	err = b.try(ctx, key, func(ctx context.Context) (bool, error) {
		o, err = b.store.stat(ctx, key)
		return false, err
	})
	return o, err
}

// Write writes an object, completely or not at all, replacing an existing one.
func (b *Bucket) Write(ctx context.Context, key string, content io.ReadSeeker) error {
	return b.try(ctx, key, func(ctx context.Context) (bool, error) {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return false, err
		}
		return false, b.store.write(ctx, key, content)
	})
}

// Remove removes an object; a missing object is not an error.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	err := b.try(ctx, key, func(ctx context.Context) (bool, error) { return false, b.store.remove(ctx, key) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Copy writes the whole object to w.
func (b *Bucket) Copy(ctx context.Context, w io.Writer, o Object) error {
	r := b.Reader(ctx, o)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(r, 0, o.Size), make([]byte, 8<<20))
	return err
}

// attempts is the largest number of times that a request is sent without progress.
const attempts = 7

// try calls do again after transient errors. further reports progress, after which the count starts again.
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
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, ErrChanged), errors.Is(err, errors.ErrUnsupported), errors.Is(err, errRefused), n == attempts:
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
