package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/blob/s3blob"
)

// openS3 opens a bucket with the credentials, region and endpoint from the environment and Amazon's files.
func openS3(ctx context.Context, name string) (store, error) {
	// Only Bucket retries requests, so that attempts do not multiply.
	c, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}), config.WithDefaultRegion("us-east-1"), config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(bound)),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	if err != nil {
		return nil, err
	}
	endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), aws.ToString(c.BaseEndpoint))
	if endpoint != "" && !onWeb(endpoint) {
		return nil, fmt.Errorf("AWS_ENDPOINT_URL is %q, without https:// or http:// before it: add that", endpoint)
	}
	custom := endpoint != ""
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		o.UsePathStyle = custom
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired // not every server supports the newer ones
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	b, err := s3blob.OpenBucket(ctx, client, name, nil)
	if err != nil {
		return nil, err
	}
	return &amazon{cloud{bucket: b, failed: failedS3}, client, name}, nil
}

// amazon is a bucket of S3. It reads by the keys as they are: the Go CDK writes some characters of a key in a form of its own, such as __0x2f__,
// and takes that form in a key for such a character.
type amazon struct {
	cloud
	client *s3.Client
	name   string
}

func (a *amazon) page(ctx context.Context, prefix string, token []byte) ([]Object, []byte, error) {
	in := &s3.ListObjectsV2Input{Bucket: &a.name, MaxKeys: aws.Int32(pageSize), EncodingType: types.EncodingTypeUrl} // XML has no control characters
	if prefix != "" {
		in.Prefix = &prefix
	}
	if len(token) > 0 {
		in.ContinuationToken = aws.String(string(token))
	}
	listed, err := a.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, nil, a.explain(err)
	}
	objects := make([]Object, len(listed.Contents))
	for i, o := range listed.Contents {
		key := aws.ToString(o.Key)
		if listed.EncodingType == types.EncodingTypeUrl {
			if key, err = url.QueryUnescape(key); err != nil {
				return nil, nil, refusal(fmt.Sprintf("the server lists a key that cannot be decoded: %q", aws.ToString(o.Key)))
			}
		}
		objects[i] = Object{key, aws.ToInt64(o.Size), aws.ToTime(o.LastModified), aws.ToString(o.ETag)}
	}
	return objects, []byte(aws.ToString(listed.NextContinuationToken)), nil
}

func (a *amazon) stat(ctx context.Context, key string) (Object, error) {
	head, err := a.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &a.name, Key: &key})
	if err != nil {
		return Object{}, a.explain(err)
	}
	return Object{key, aws.ToInt64(head.ContentLength), aws.ToTime(head.LastModified), aws.ToString(head.ETag)}, nil
}

func (a *amazon) read(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error) {
	in := &s3.GetObjectInput{Bucket: &a.name, Key: &o.Key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))}
	if o.Version != "" {
		in.IfMatch = &o.Version
	}
	got, err := a.client.GetObject(ctx, in)
	if err != nil {
		return nil, a.explain(err)
	}
	size := aws.ToInt64(got.ContentLength)
	if _, total, ok := strings.Cut(aws.ToString(got.ContentRange), "/"); ok {
		if n, err := strconv.ParseInt(total, 10, 64); err == nil {
			size = n
		}
	}
	if size != o.Size {
		return nil, errors.Join(fmt.Errorf("%w (%d bytes, but %d before)", ErrChanged, size, o.Size), got.Body.Close())
	}
	return got.Body, nil
}

func (a *amazon) write(ctx context.Context, key string, content io.ReadSeeker) error {
	if strings.ContainsFunc(key, func(r rune) bool { return r < ' ' }) || strings.Contains(key, "../") {
		return fmt.Errorf("objects are not written by names with control characters or ../: choose another address: %w", errors.ErrUnsupported)
	}
	return a.cloud.write(ctx, key, content)
}

// bound limits how long a server may take to respond.
func bound(t *http.Transport) {
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	t.ResponseHeaderTimeout = 60 * time.Second
	t.MaxIdleConnsPerHost = most
	t.DisableCompression = true // ranges refer to the object's own bytes
}

// failedS3 interprets S3's error codes, and the status of an answer to HEAD, which has no code.
func failedS3(err error) error {
	var said smithy.APIError
	if errors.As(err, &said) {
		status := 0
		var answer *smithyhttp.ResponseError
		if errors.As(err, &answer) {
			status = answer.HTTPStatusCode()
		}
		return explained(said.ErrorCode(), status)
	}
	if strings.Contains(err.Error(), "get credentials") { // the library has no type for this error
		return fmt.Errorf("%w: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", fs.ErrPermission)
	}
	return nil
}

// explained is the error for a code of S3, with what to do.
func explained(code string, status int) error {
	denied := func(what string) error { return fmt.Errorf("%w (%s): %s", fs.ErrPermission, code, what) }
	switch code {
	case "PreconditionFailed", "InvalidRange":
		return ErrChanged
	case "NoSuchKey", "NotFound": // the second for a HEAD request
		return fs.ErrNotExist
	case "NoSuchBucket":
		return fmt.Errorf("there is no such bucket: %w", fs.ErrNotExist)
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden":
		return denied("check AWS_ACCESS_KEY_ID and the other credentials")
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return denied("the credentials are out of date or incomplete: renew them, AWS_SESSION_TOKEN, too")
	case "PermanentRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fmt.Errorf("%w: the bucket is in another region: set AWS_REGION", fs.ErrPermission)
	case "BadRequest": // for a HEAD request, without the reason
		return denied("the credentials may be out of date, or the bucket in another region: renew them, or set AWS_REGION")
	case "InvalidObjectState":
		return denied("the object is archived, as in Glacier: restore it first")
	case "AllAccessDisabled", "AccountProblem":
		return denied("access to the bucket is disabled: ask its owner")
	case "RequestTimeTooSkewed":
		return denied("the clock of this machine is wrong: set it")
	case "RequestTimeout":
		return fmt.Errorf("the server answers %s", code)
	}
	if passing(status) {
		return fmt.Errorf("the server answers %s", code)
	}
	return refusal("the server answers " + code)
}
