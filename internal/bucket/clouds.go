//go:build clouds

package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	azure "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"
)

// versioned also reads with the Go CDK.
type versioned struct {
	cloud
	pinned  func(o Object) func(as func(any) bool) error // makes a read fail on another version
	version func(as func(any) bool) string               // version of a listed or requested object; "": its ETag
}

func init() {
	openers["gs"] = openGoogle
	openers["azblob"] = openAzure
}

// openGoogle opens a bucket with the application default credentials.
func openGoogle(ctx context.Context, name string) (store, error) {
	b, err := blob.OpenBucket(ctx, "gs://"+name)
	if err != nil {
		return nil, err
	}
	generation := func(as func(any) bool) string {
		var o storage.ObjectAttrs
		if as(&o) {
			return strconv.FormatInt(o.Generation, 10)
		}
		return ""
	}
	pinned := func(o Object) func(as func(any) bool) error {
		return func(as func(any) bool) error {
			var handle **storage.ObjectHandle
			if g, err := strconv.ParseInt(o.Version, 10, 64); err == nil && as(&handle) {
				*handle = (*handle).If(storage.Conditions{GenerationMatch: g})
			}
			return nil
		}
	}
	return &versioned{cloud{bucket: b, failed: func(error) error { return nil }}, pinned, generation}, nil
}

// openAzure opens a container with AZURE_STORAGE_ACCOUNT and the related credentials.
func openAzure(ctx context.Context, name string) (store, error) {
	b, err := blob.OpenBucket(ctx, "azblob://"+name)
	if err != nil {
		return nil, err
	}
	tag := func(as func(any) bool) string {
		var item container.BlobItem
		if as(&item) && item.Properties != nil && item.Properties.ETag != nil {
			return string(*item.Properties.ETag)
		}
		var properties azure.GetPropertiesResponse
		if as(&properties) && properties.ETag != nil {
			return string(*properties.ETag)
		}
		return ""
	}
	pinned := func(o Object) func(as func(any) bool) error {
		return func(as func(any) bool) error {
			var in *azblob.DownloadStreamOptions
			if o.Version != "" && as(&in) {
				etag := azcore.ETag(o.Version)
				in.AccessConditions = &azure.AccessConditions{ModifiedAccessConditions: &azure.ModifiedAccessConditions{IfMatch: &etag}}
			}
			return nil
		}
	}
	return &versioned{cloud{bucket: b, failed: func(error) error { return nil }}, pinned, tag}, nil
}

func (c *versioned) page(ctx context.Context, prefix string, token []byte) ([]Object, []byte, error) {
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

func (c *versioned) stat(ctx context.Context, key string) (Object, error) {
	a, err := c.bucket.Attributes(ctx, key)
	if err != nil {
		return Object{}, c.explain(err)
	}
	return Object{key, a.Size, a.ModTime, cmp.Or(c.version(a.As), a.ETag)}, nil
}

func (c *versioned) read(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error) {
	r, err := c.bucket.NewRangeReader(ctx, o.Key, offset, length, &blob.ReaderOptions{BeforeRead: c.pinned(o)})
	if err != nil {
		return nil, c.explain(err)
	}
	if r.Size() != o.Size {
		return nil, errors.Join(fmt.Errorf("%w (%d bytes, but %d before)", ErrChanged, r.Size(), o.Size), r.Close())
	}
	return r, nil
}
