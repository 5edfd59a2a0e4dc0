//go:build clouds

package bucket

import (
	"context"
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
	return &cloud{bucket: b, version: generation, pinned: pinned, failed: func(error) error { return nil }}, nil
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
	return &cloud{bucket: b, version: tag, pinned: pinned, failed: func(error) error { return nil }}, nil
}
