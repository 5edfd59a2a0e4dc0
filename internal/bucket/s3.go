package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob/s3blob"
)

// openS3 opens a bucket with the credentials, region and endpoint from the environment and Amazon's files.
func openS3(ctx context.Context, name string) (store, error) {
	// Only Bucket retries requests, so that attempts do not multiply.
	c, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion("us-east-1"), config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(bound)),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	if err != nil {
		return nil, err
	}
	custom := os.Getenv("AWS_ENDPOINT_URL_S3") != "" || os.Getenv("AWS_ENDPOINT_URL") != "" || c.BaseEndpoint != nil
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		o.UsePathStyle = custom
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired // not every server supports the newer ones
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	b, err := s3blob.OpenBucket(ctx, client, name, nil)
	if err != nil {
		return nil, err
	}
	return &cloud{bucket: b, version: versionS3, pinned: pinnedS3, failed: failedS3}, nil
}

// bound limits how long a server may take to respond.
func bound(t *http.Transport) {
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ResponseHeaderTimeout = 60 * time.Second
	t.MaxIdleConnsPerHost = most
	t.DisableCompression = true // ranges refer to the object's own bytes
}

func versionS3(as func(any) bool) string {
	var o types.Object
	if as(&o) {
		return aws.ToString(o.ETag)
	}
	return ""
}

func pinnedS3(o Object) func(as func(any) bool) error {
	return func(as func(any) bool) error {
		var in *s3.GetObjectInput
		if o.Version != "" && as(&in) {
			in.IfMatch = aws.String(o.Version)
		}
		return nil
	}
}

// failedS3 interprets S3's error codes.
func failedS3(err error) error {
	var said smithy.APIError
	if errors.As(err, &said) {
		switch said.ErrorCode() {
		case "PreconditionFailed":
			return ErrChanged
		case "NoSuchKey", "NotFound": // the second for a HEAD request
			return fs.ErrNotExist
		case "NoSuchBucket":
			return fmt.Errorf("there is no such bucket: %w", fs.ErrNotExist)
		case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "Forbidden":
			return fmt.Errorf("%w (%s): check AWS_ACCESS_KEY_ID and the other credentials", fs.ErrPermission, said.ErrorCode())
		case "PermanentRedirect", "AuthorizationHeaderMalformed":
			return fmt.Errorf("%w: the bucket is in another region: set AWS_REGION", fs.ErrPermission)
		}
		return fmt.Errorf("the server answers %s", said.ErrorCode())
	}
	if strings.Contains(err.Error(), "get credentials") { // the library has no type for this error
		return fmt.Errorf("%w: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", fs.ErrPermission)
	}
	return nil
}
