package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// cloud is a bucket of the Go CDK. pinned, version and failed depend on the kind of server.
type cloud struct {
	bucket  *blob.Bucket
	pinned  func(o Object) func(as func(any) bool) error // makes a read fail on another version; nil: not supported
	version func(as func(any) bool) string               // version of a listed or requested object; "": its ETag
	failed  func(err error) error                        // refines an error beyond its code; may return err
}

// pageSize is the largest number of objects that servers list at once.
const pageSize = 1000

func (c *cloud) page(ctx context.Context, prefix string, token []byte) ([]Object, []byte, error) {
	if token == nil {
		token = blob.FirstPageToken
	}
	listed, next, err := c.bucket.ListPage(ctx, token, pageSize, &blob.ListOptions{Prefix: prefix})
	if err != nil {
		return nil, nil, c.explain(err)
	}
	objects := make([]Object, len(listed))
	for i, o := range listed {
		objects[i] = Object{o.Key, o.Size, o.ModTime, c.version(o.As)}
	}
	return objects, next, nil
}

func (c *cloud) stat(ctx context.Context, key string) (Object, error) {
	a, err := c.bucket.Attributes(ctx, key)
	if err != nil {
		return Object{}, c.explain(err)
	}
	return Object{key, a.Size, a.ModTime, cmp.Or(c.version(a.As), a.ETag)}, nil
}

func (c *cloud) read(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error) {
	r, err := c.bucket.NewRangeReader(ctx, o.Key, offset, length, &blob.ReaderOptions{BeforeRead: c.pinned(o)})
	if err != nil {
		return nil, c.explain(err)
	}
	if r.Size() != o.Size {
		return nil, errors.Join(fmt.Errorf("%w (%d bytes, but %d before)", ErrChanged, r.Size(), o.Size), r.Close())
	}
	return r, nil
}

func (c *cloud) write(ctx context.Context, key string, content io.ReadSeeker) error {
	return c.explain(c.bucket.Upload(ctx, key, content, &blob.WriterOptions{ContentType: "application/octet-stream"}))
}

func (c *cloud) remove(ctx context.Context, key string) error {
	return c.explain(c.bucket.Delete(ctx, key))
}

func (c *cloud) close() error { return c.bucket.Close() }

// explain converts an error to one of the kinds that callers know.
func (c *cloud) explain(err error) error {
	if err == nil {
		return nil
	}
	if known := c.failed(err); known != nil {
		return known
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fs.ErrNotExist
	case gcerrors.PermissionDenied:
		return fs.ErrPermission
	case gcerrors.FailedPrecondition:
		return ErrChanged
	}
	return err
}
