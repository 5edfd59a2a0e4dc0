package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// web is one file at an address. Its server must support ranges.
type web struct {
	address string
	client  *http.Client
}

func openWeb(address string) (store, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("it is not an address: want https://host/path")
	}
	if u.Scheme != "https" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("%s is not encrypted, so anyone on the network path could change the data: use https", Public(address))
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	bound(transport)
	client := &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > 10 {
			return errors.New("more than ten redirections")
		}
		if next.URL.Scheme != "https" && via[0].URL.Scheme == "https" {
			return fmt.Errorf("it redirects to %s, which is not encrypted", Public(next.URL.String()))
		}
		next.Header.Del("Referer") // the previous address may be a signed one
		return nil
	}}
	return &web{address, client}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

func (w *web) page(context.Context, string, []byte) ([]Object, []byte, error) {
	return nil, nil, fmt.Errorf("an https address names one file and cannot be listed: %w", errors.ErrUnsupported)
}

// ask requests a range, and returns the response with the size of the whole file.
func (w *web) ask(ctx context.Context, offset, length int64) (*http.Response, Object, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.address, nil)
	if err != nil {
		return nil, Object{}, plain(err)
	}
	request.Header.Set("User-Agent", "iconic")
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	r, err := w.client.Do(request)
	if err != nil {
		return nil, Object{}, plain(err)
	}
	o := Object{Version: r.Header.Get("ETag")}
	o.Modified, _ = time.Parse(http.TimeFormat, r.Header.Get("Last-Modified"))
	switch r.StatusCode {
	case http.StatusPartialContent:
		_, total, _ := strings.Cut(r.Header.Get("Content-Range"), "/")
		if o.Size, err = strconv.ParseInt(total, 10, 64); err == nil {
			return r, o, nil
		}
		err = fmt.Errorf("the server does not give the size of the file (range %q): %w", r.Header.Get("Content-Range"), fs.ErrPermission)
	case http.StatusOK:
		err = fmt.Errorf("the server does not give parts of files, so single images cannot be read: download the file and give its name: %w", errors.ErrUnsupported)
	case http.StatusNotFound, http.StatusGone:
		err = fs.ErrNotExist
	case http.StatusForbidden, http.StatusUnauthorized:
		err = fmt.Errorf("%w (%s)", fs.ErrPermission, r.Status)
	case http.StatusRequestedRangeNotSatisfiable:
		err = fmt.Errorf("%w (it is shorter now, or empty)", ErrChanged)
	default:
		if err = fmt.Errorf("the server answers %s", r.Status); !passing(r.StatusCode) {
			err = refusal(err.Error())
		}
	}
	return nil, o, errors.Join(err, r.Body.Close())
}

func (w *web) stat(ctx context.Context, _ string) (Object, error) {
	r, o, err := w.ask(ctx, 0, 1)
	if err != nil {
		return o, err
	}
	return o, r.Body.Close()
}

func (w *web) read(ctx context.Context, want Object, offset, length int64) (io.ReadCloser, error) {
	r, o, err := w.ask(ctx, offset, length)
	if err != nil {
		return nil, err
	}
	if o.Size != want.Size || o.Version != want.Version || !o.Modified.Equal(want.Modified) {
		return nil, errors.Join(ErrChanged, r.Body.Close())
	}
	if !strings.HasPrefix(r.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)) {
		return nil, errors.Join(fmt.Errorf("the server sent another range than requested (%q)", r.Header.Get("Content-Range")), r.Body.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r.Body, length), r.Body}, nil
}

func (w *web) write(context.Context, string, io.ReadSeeker) error {
	return fmt.Errorf("an https address cannot be written to: %w", fs.ErrPermission)
}

func (w *web) remove(context.Context, string) error {
	return fmt.Errorf("an https address cannot be removed: %w", fs.ErrPermission)
}

func (w *web) close() error {
	w.client.CloseIdleConnections()
	return nil
}
