package endpoint

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"time"

	"iconic/extract/pixels"
)

// body reads the image: the body itself, or the only file of a form. Before it reads a byte it reserves memory for the length that the
// header promises. If the header promises none, it reserves twice the largest body, since the buffer has to grow.
func (e *Endpoint) body(w http.ResponseWriter, r *http.Request) (content []byte, _ *held, err error) {
	need, room := r.ContentLength, r.ContentLength
	if need < 0 {
		need, room = min(2*e.options.MaxBytes, e.heavy.memory.Total()), 64<<10
	}
	on := e.heavy
	if need <= lightBody {
		on = e.light
	}
	memory, err := on.take(need)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			memory.keep(0)
		}
	}()
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(e.options.Body)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, nil, err
	}
	hurry := context.AfterFunc(e.ending, func() {
		_ = control.SetReadDeadline(time.Now().Add(min(endingBody, e.options.Body))) // without deadlines, the body ends as it does
	})
	defer hurry()
	from, err := e.file(w, r)
	if err != nil {
		return nil, nil, err
	}
	head := make([]byte, min(room, pixels.HeadSize)) // data that is not a picture is read no further
	n, err := io.ReadFull(from, head)
	switch {
	case err == nil:
		if err := pixels.Recognise(head); n == pixels.HeadSize && err != nil {
			return nil, nil, err
		}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return nil, nil, e.unread(err, refuse(http.StatusBadRequest, "the body was cut short: %w", err))
	}
	content, err = readInto(append(make([]byte, 0, room), head[:n]...), from)
	if err != nil {
		return nil, nil, e.unread(err, refuse(http.StatusBadRequest, "the body was cut short: %w", err))
	}
	memory.keep(int64(cap(content)))
	return content, memory, nil
}

// readInto is io.ReadAll into a buffer, which is not replaced if everything fits.
func readInto(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) { // full: is there more data?
			var one [1]byte
			n, err := io.ReadFull(r, one[:])
			if n == 0 {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return b, err
			}
			b = append(slices.Grow(b, cap(b)), one[0]) // double the buffer
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return b, err
		}
	}
}

// file returns the reader of the image.
func (e *Endpoint) file(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	if err := plain("the body", textproto.MIMEHeader(r.Header)); err != nil {
		return nil, err
	}
	from := io.Reader(http.MaxBytesReader(w, r.Body, e.options.MaxBytes))
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		r.Body = io.NopCloser(from)
		form, err := r.MultipartReader()
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the form cannot be read: %w", err)
		}
		part, err := nextFile(form)
		if err != nil {
			otherwise := refuse(http.StatusBadRequest, "the form cannot be read: %w", err)
			switch {
			case err == io.EOF: //nolint:errorlint // NextPart wraps it where the form is cut short
				otherwise = refuse(http.StatusBadRequest, "the form holds no file: send the image as one")
			case errors.Is(err, io.EOF):
				otherwise = refuse(http.StatusBadRequest, "the form is cut short before any file: send it again")
			}
			return nil, e.unread(err, otherwise)
		}
		if err := plain("the file of the form", part.Header); err != nil {
			return nil, err
		}
		from = &onlyFile{part: part, form: form}
	}
	return from, nil
}

// plain refuses an image that its headers say to be encoded for the transport.
func plain(what string, header textproto.MIMEHeader) error {
	for _, name := range []string{"Content-Encoding", "Content-Transfer-Encoding"} {
		switch value := header.Get(name); strings.ToLower(value) {
		case "", "identity", "binary", "7bit", "8bit":
		default:
			return refuse(http.StatusUnsupportedMediaType, "%s has %s %.50q, which is not decoded here: send the bytes of the image as they are, without that header", what, name, value)
		}
	}
	return nil
}

// nextFile skips the parts of a form that are not files.
func nextFile(form *multipart.Reader) (*multipart.Part, error) {
	part, err := form.NextPart()
	for ; err == nil && part.FileName() == ""; part, err = form.NextPart() {
		continue
	}
	return part, err
}

// onlyFile reads the file of a form, and fails at its end if there is another.
type onlyFile struct {
	part *multipart.Part
	form *multipart.Reader
	end  error // once the end is reached: io.EOF, or why the form is refused
}

func (f *onlyFile) Read(b []byte) (n int, err error) {
	if f.end != nil {
		return 0, f.end
	}
	n, err = f.part.Read(b)
	if errors.Is(err, io.EOF) {
		if _, f.end = nextFile(f.form); f.end == nil {
			f.end = refuse(http.StatusBadRequest, "the form holds more than one file: send one image per request")
		}
		err = f.end
	}
	return n, err
}

// unread is the error for a body that could not be read; otherwise is for causes other than its size, its time limit, a refusal and the shutdown.
func (e *Endpoint) unread(err, otherwise error) error {
	var large *http.MaxBytesError
	var refused refusal
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", e.options.MaxBytes)
	case errors.As(err, &refused):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded) && e.ending.Err() != nil:
		return refuse(http.StatusServiceUnavailable, "the server is shutting down: send it again")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the body did not arrive within %s", e.options.Body)
	}
	return otherwise
}
