package fetch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/diskspace"
	"iconic/internal/regular"
)

// Source is the location of a file on the network. HTTPS_PROXY and similar variables are honoured.
type Source struct {
	Address string        // https://…; http://… only with Plain
	Plain   bool          // the user gave this very address, so it need not be encrypted
	Token   string        // sent as a bearer token only to the host of Address, and only over https; "": none
	Stall   time.Duration // how long the server may be silent; 0: DefaultStall

	transport *http.Transport // nil: one for this download
}

// DefaultStall is how long a server may be silent.
const DefaultStall = 30 * time.Second

// attempts is the number of early-ended connections that are resumed in one call.
const attempts = 3

// ErrStalled is in the chain of the error for a source that was silent for too long.
var ErrStalled = errors.New("no data arrived")

// StatusError is in the chain of the error for a server that answered without sending the file.
type StatusError struct {
	Address string // without secret parts
	Code    int    // such as 404
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.Address, e.Code, http.StatusText(e.Code))
}

// errCut marks a connection that ended too early.
var errCut = errors.New("the connection ended too early")

// Download downloads the file from a server. After a failure, the data received are kept for the next time, unless they are wrong.
func (f File) Download(ctx context.Context, s Source) error {
	address, err := url.Parse(s.Address)
	if err != nil || address.Host == "" {
		return fmt.Errorf("%q is not an address: want https://host/path", s.Address)
	}
	if s.Stall == 0 {
		s.Stall = DefaultStall
	}
	d := &download{File: f, source: s, address: address}
	if err := d.allowed(address, nil); err != nil {
		return err
	}
	return f.alone(ctx, func() error {
		if err := d.complete(ctx); err != nil {
			if have, _ := f.sofar(); have == 0 { // nothing to resume from
				return errors.Join(err, f.discard())
			}
			return err
		}
		if err := f.settle(ctx); err != nil {
			return fmt.Errorf("the file from %s was removed: %w", Public(address), err)
		}
		return nil
	})
}

// Public is an address without the parts that may be secret: the password and the query, which signed addresses have.
func Public(address *url.URL) string {
	u := *address
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return strings.Replace(u.Redacted(), "?%E2%80%A6", "?…", 1)
}

// download is the download of one file from one source.
type download struct {
	File
	source  Source
	address *url.URL
}

// complete completes the part.
func (d *download) complete(ctx context.Context) error {
	client, done := d.client()
	defer done()
	var err error
	for range attempts {
		if err = d.connect(ctx, client); !errors.Is(err, errCut) {
			return err
		}
	}
	return err
}

// client follows redirections only to addresses from which the file may be requested.
func (d *download) client() (client *http.Client, done func()) {
	transport := d.source.transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true, // ranges refer to the file's own bytes
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > 10 {
			return errors.New("more than ten redirections")
		}
		next.Header.Del("Referer") // the previous address may be a signed one
		if next.URL.Host != via[0].URL.Host {
			next.Header.Del("Authorization")
		}
		return d.allowed(next.URL, via[len(via)-1].URL)
	}}, transport.CloseIdleConnections
}

// allowed refuses unencrypted addresses, unless the user asked for one and all addresses before it were unencrypted, too.
func (d *download) allowed(address, before *url.URL) error {
	switch {
	case address.Scheme == "https":
		return nil
	case address.Scheme != "http":
		return fmt.Errorf("%s: want an https address", Public(address))
	case before != nil && before.Scheme == "https":
		return fmt.Errorf("it redirects to %s, which is not encrypted, so anyone on the network path could change the data: refused", Public(address))
	case !d.source.Plain:
		return fmt.Errorf("%s is not encrypted, so anyone on the network path could change the data: refused; use https", Public(address))
	}
	return nil
}

// connect makes one connection, or none if the part is complete. An error with errCut in its chain says that another connection may deliver
// the rest.
func (d *download) connect(ctx context.Context, client *http.Client) error {
	have, s := d.sofar()
	if s.Address != Public(d.address) || s.Version == "" { // the rest might not fit
		have, s = 0, state{Total: -1}
	}
	if have > 0 && have == s.Total {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(d.source.Stall, func() { cancel(ErrStalled) })
	defer silence.Stop()
	response, err := d.ask(ctx, client, have, s.Version)
	if err != nil {
		return d.explain(ctx, err, have, s)
	}
	silence.Stop()
	defer response.Body.Close()
	s, have, err = d.begin(response, have, s)
	if err != nil || have == s.Total {
		return err
	}
	body := &body{ctx: ctx, reader: response.Body, silence: silence, stall: d.source.Stall}
	n, err := d.save(&meter{ctx: ctx, reader: body, done: have, total: s.Total, progress: d.Progress}, have)
	have += n
	switch {
	case err != nil:
		return d.explain(ctx, err, have, s)
	case s.Total >= 0 && have < s.Total:
		return d.explain(ctx, fmt.Errorf("%w: %w", errCut, io.ErrUnexpectedEOF), have, s)
	case s.Total < 0: // now it is known
		s.Total = have
		return d.remember(s)
	}
	return nil
}

// ask requests everything after the first have bytes of a version.
func (d *download) ask(ctx context.Context, client *http.Client, have int64, version string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.source.Address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "iconic")
	request.Header.Set("Accept-Encoding", "identity")
	if d.source.Token != "" && d.address.Scheme == "https" {
		request.Header.Set("Authorization", "Bearer "+d.source.Token)
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", version)
	}
	return client.Do(request)
}

// begin derives the state of the part from the response: how many of its bytes are valid, and to which version and length they belong.
func (d *download) begin(response *http.Response, have int64, s state) (state, int64, error) {
	public := Public(d.address)
	if coding := response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return s, have, fmt.Errorf("%s: the response is encoded as %q, which was not requested", public, coding)
	}
	switch response.StatusCode {
	case http.StatusPartialContent:
		start, total, ok := contentRange(response.Header.Get("Content-Range"))
		if !ok || start != have || s.Total >= 0 && total >= 0 && total != s.Total {
			return s, have, errors.Join(fmt.Errorf("%s: requested the range after byte %d and got range %q: %w, and the data received were dropped", public, have, response.Header.Get("Content-Range"), errCut), d.discard())
		}
		if s.Total < 0 {
			s.Total = total
		}
	case http.StatusOK: // the whole file: there was no part, or the file has changed since
		if err := d.replaces(response); err != nil {
			return s, have, err
		}
		have, s = 0, state{Address: public, Version: versionOf(response.Header), Total: response.ContentLength}
	case http.StatusRequestedRangeNotSatisfiable:
		_, total, _ := contentRange(response.Header.Get("Content-Range"))
		if total == have && versionOf(response.Header) == s.Version { // nothing follows it: the part is complete
			s.Total = total
			return s, have, d.remember(s)
		}
		return s, have, errors.Join(fmt.Errorf("%s: %s: %w, and the data received were dropped", public, response.Status, errCut), d.discard())
	default:
		return s, have, &StatusError{Address: public, Code: response.StatusCode}
	}
	if s.Total >= 0 {
		if err := d.fits(s.Total, have); err != nil {
			return s, have, fmt.Errorf("%s: %w", public, err)
		}
	}
	if have == 0 { // data of another version are removed before the new version is recorded
		if err := os.WriteFile(d.part(), nil, 0o666); err != nil {
			return s, have, err
		}
	}
	return s, have, d.remember(s)
}

// replaces refuses a whole answer that cannot be a newer version of a file of which a part is kept: a page, such as that of a network that wants a log-in,
// or something far smaller.
func (d *download) replaces(response *http.Response) error {
	have, s := d.sofar()
	if have == 0 || s.Version == "" { // nothing that could be resumed
		return nil
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	page := slices.Contains([]string{"text/html", "application/xhtml+xml", "application/json", "application/problem+json", "application/xml", "text/xml"}, kind)
	if small := response.ContentLength >= 0 && response.ContentLength < max(have, s.Total)/10; !page && !small {
		return nil
	}
	size := "unknown length"
	if response.ContentLength >= 0 {
		size = diskspace.Words(response.ContentLength)
	}
	return fmt.Errorf("%s: the answer (%s, %s) is not the file, of which %s were received before: perhaps the network wants a log-in; they are kept in %s, and the next download resumes there; "+
		"if the file itself has changed, remove that one", Public(d.address), cmp.Or(kind, "unknown type"), size, diskspace.Words(have), d.part())
}

// save writes data after the first have bytes of the part, and returns the number of bytes written.
func (d *download) save(r io.Reader, have int64) (n int64, err error) {
	out, err := os.OpenFile(d.part(), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Truncate(have); err != nil {
		return 0, err
	}
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return 0, err
	}
	n, err = io.Copy(out, io.LimitReader(r, d.Most+1-have))
	if err == nil && have+n > d.Most {
		err = errors.Join(fmt.Errorf("more than %d bytes arrived, the largest allowed size: stopped, and removed", d.Most), d.discard())
	}
	return n, err
}

// explain says in one sentence how a connection ended with have bytes of the part on disk.
func (d *download) explain(ctx context.Context, err error, have int64, s state) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) { // its text contains the address with its secret parts
		err = wrapped.Err
	}
	come := ""
	if s.Total >= 0 {
		come = fmt.Sprintf(" after %d of %d bytes", have, s.Total)
	} else if have > 0 {
		come = fmt.Sprintf(" after %d bytes", have)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, ErrStalled):
		err = fmt.Errorf("%w for %v%s: the server, a proxy or the network does not respond", ErrStalled, d.source.Stall, come)
		if have > 0 && s.Version != "" {
			err = fmt.Errorf("%w; the data received are kept, and the next download resumes there", err)
		}
	case cause != nil:
		return cause
	case come != "":
		err = fmt.Errorf("%w,%s", err, come)
	}
	return fmt.Errorf("%s: %w", Public(d.address), err)
}

// body is the response body. It distinguishes network errors from disk errors, and restarts the timer with each wait.
type body struct {
	ctx     context.Context
	reader  io.Reader
	silence *time.Timer
	stall   time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	b.silence.Reset(b.stall)
	n, err := b.reader.Read(p)
	b.silence.Stop()
	if err != nil && !errors.Is(err, io.EOF) && b.ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errCut, err)
	}
	return n, err
}

// state is the record beside a part.
type state struct {
	Address string `json:"address"` // without secret parts
	Version string `json:"version"` // strong ETag or date; "": the part cannot be resumed
	Total   int64  `json:"total"`   // length of the file; −1 if unknown
}

// sofar returns the number of bytes in the part, and its record.
func (f File) sofar() (have int64, s state) {
	s.Total = -1
	if stat, err := os.Stat(f.part()); err == nil {
		have = stat.Size()
	}
	if b, err := regular.Read(f.state()); err != nil || json.Unmarshal(b, &s) != nil {
		return have, state{Total: -1}
	}
	return have, s
}

func (f File) remember(s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(f.state(), b)
}

// versionOf identifies a version of a file: a strong ETag, or else its date.
func versionOf(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange parses "bytes 100-199/200" and "bytes */200"; total is −1 if it is a star.
func contentRange(s string) (start, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, length, found := strings.Cut(s, "/")
	first, _, _ := strings.Cut(span, "-")
	total, err := strconv.ParseInt(length, 10, 64)
	if err != nil {
		total = -1
	}
	start, err = strconv.ParseInt(first, 10, 64)
	return start, total, ok && found && err == nil
}
