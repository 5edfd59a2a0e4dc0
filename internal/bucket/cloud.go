package bucket

import (
	"context"
	"io"
	"io/fs"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// cloud writes to a bucket with the Go CDK.
type cloud struct {
	bucket *blob.Bucket
	failed func(err error) error // refines an error beyond its code; may return nil
}

// pageSize is the largest number of objects that servers list at once.
const pageSize = 1000

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
