package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"iconic/internal/atomicfile"
)

// PullOptions say where to fetch weights from. The zero value fetches from the official host, and from the
// transformers library's repository where that is out of reach. HTTPS_PROXY and its like are honoured.
type PullOptions struct {
	Cache    string                               // the folder of models; "": iconic/models in the user's cache
	From     string                               // instead: a mirror's address, the file's own address, a folder or a file
	Note     func(text string)                    // told what is about to happen; may be nil
	Progress func(what string, done, total int64) // told the bytes done, total −1 where unknown; may be nil
}

func (o PullOptions) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

func (o PullOptions) progress(what string) func(done, total int64) {
	return func(done, total int64) {
		if o.Progress != nil {
			o.Progress(what, done, total)
		}
	}
}

// Pulled is a file of weights on this machine, checked against the lock file.
type Pulled struct {
	Path string `json:"path"`
	Locked
	First bool `json:"first"` // locked just now: nobody knew its checksum before
}

// ErrChanged marks weights that are not those seen before under the same name.
var ErrChanged = errors.New("not the weights seen before")

// Pull makes sure that the weights of e are in the cache and are the ones seen before. The first time, their
// SHA-256 is written to the lock file. A download that was cut goes on where it stopped.
func Pull(ctx context.Context, e Encoder, o PullOptions) (p Pulled, err error) {
	cache, err := cacheFolder(o.Cache)
	if err != nil {
		return p, err
	}
	err = exclusively(ctx, cache, func() error {
		p, err = pull(ctx, e, o, cache)
		return err
	})
	if err != nil {
		return Pulled{}, fmt.Errorf("%s: %w", e.Name, err)
	}
	return p, nil
}

func pull(ctx context.Context, e Encoder, o PullOptions, cache string) (Pulled, error) {
	folder := filepath.Join(cache, "weights", e.Name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return Pulled{}, err
	}
	if name, ok := present(e, folder); ok { // pulled before, or put there by hand
		return check(ctx, e, o, cache, name, "the file itself")
	}
	if o.From != "" && !isAddress(o.From) {
		o.note("copying %s (%s, about %d MB) from %s", e.Name, e.Licence, e.Architecture.Parameters()*4/1e6, o.From)
		name, from, err := copyLocal(ctx, e, o, folder)
		if err != nil {
			return Pulled{}, err
		}
		return check(ctx, e, o, cache, name, from)
	}
	var failures error
	for _, address := range addresses(e, o.From) {
		name := filepath.Join(folder, path.Base(address))
		o.note("fetching %s (%s, about %d MB) from %s", e.Name, e.Licence, e.Architecture.Parameters()*4/1e6, address)
		err := download(ctx, address, name, o.progress("fetching "+e.Name))
		if err == nil {
			return check(ctx, e, o, cache, name, address)
		}
		if ctx.Err() != nil {
			return Pulled{}, ctx.Err()
		}
		if failures != nil {
			err = fmt.Errorf("%w; %w", failures, err)
		}
		failures = err
	}
	return Pulled{}, fmt.Errorf("the weights could not be fetched (%w): fetch %s by hand and put it into %s, or name a mirror or a folder with --from", failures, e.URL, folder)
}

// present finds a finished file of weights in a folder.
func present(e Encoder, folder string) (string, bool) {
	names := append(e.localNames(), "model.safetensors")
	for _, n := range names {
		name := filepath.Join(folder, n)
		if stat, err := os.Stat(name); err == nil && stat.Mode().IsRegular() {
			return name, true
		}
	}
	return "", false
}

func isAddress(from string) bool {
	u, err := url.Parse(from)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// addresses are where to look, in order. A mirror holds the files under the official paths.
func addresses(e Encoder, from string) []string {
	if from == "" {
		return e.files()
	}
	if ext := path.Ext(from); ext == ".pth" || ext == ".safetensors" {
		return []string{from}
	}
	return []string{strings.TrimSuffix(from, "/") + "/" + strings.TrimPrefix(e.URL, host)}
}

// copyLocal brings a file, or the encoder's file in a folder, into the cache.
func copyLocal(ctx context.Context, e Encoder, o PullOptions, folder string) (name, from string, err error) {
	stat, err := os.Stat(o.From)
	if err != nil {
		return "", "", fmt.Errorf("--from: %w", err)
	}
	from = o.From
	if stat.IsDir() {
		var ok bool
		if from, ok = present(e, o.From); !ok {
			return "", "", fmt.Errorf("--from: the folder %s holds none of %s", o.From, strings.Join(e.localNames(), ", "))
		}
	}
	in, err := os.Open(from)
	if err != nil {
		return "", "", err
	}
	defer in.Close()
	if stat, err = in.Stat(); err != nil {
		return "", "", err
	}
	name = filepath.Join(folder, filepath.Base(from))
	err = atomicfile.Write(name, func(w io.Writer) error {
		_, err := io.Copy(w, &meter{cancelled: ctx.Err, reader: in, total: stat.Size(), progress: o.progress("copying " + e.Name)})
		return err
	})
	return name, from, err
}

// check compares a file with the lock file, which it enters the first time.
func check(ctx context.Context, e Encoder, o PullOptions, cache, name, from string) (Pulled, error) {
	sum, size, err := checksum(ctx, name, o.progress("checking "+e.Name))
	if err != nil {
		return Pulled{}, err
	}
	locks, err := readLocks(cache)
	if err != nil {
		return Pulled{}, err
	}
	key := e.Name + "/" + filepath.Base(name)
	if l, ok := locks[key]; ok {
		if l.SHA256 != sum {
			return Pulled{}, fmt.Errorf("%s: %w: SHA-256 %s, and %s since %s; remove the file to fetch it again, or its entry in %s to trust it as it is now", name, ErrChanged, sum, l.SHA256, l.Since.Format(time.DateOnly), lockFile(cache))
		}
		return Pulled{Path: name, Locked: l}, nil
	}
	l := Locked{SHA256: sum, Bytes: size, From: from, Since: time.Now().UTC().Truncate(time.Second)}
	locks[key] = l
	if err := writeLocks(cache, locks); err != nil {
		return Pulled{}, err
	}
	o.note("%s: SHA-256 %s, remembered in %s", name, sum, lockFile(cache))
	return Pulled{Path: name, Locked: l, First: true}, nil
}

// download fetches address into name. What a cut connection left in name.part is asked for again only from where
// it ends, provided that the server's file is still the same (ETag or date); the finished file is renamed.
func download(ctx context.Context, address, name string, progress func(done, total int64)) error {
	part, validator := name+".part", name+".part.version"
	const attempts = 3 // connections that end early, before giving up; a later run goes on all the same
	var err error
	for range attempts {
		if err = fetch(ctx, address, part, validator, progress); err == nil {
			if err := errors.Join(syncFile(part), os.Rename(part, name), remove(validator)); err != nil {
				return err
			}
			return atomicfile.SyncFolder(filepath.Dir(name))
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// fetch makes one connection. It returns io.ErrUnexpectedEOF, wrapped, when that ended early.
func fetch(ctx context.Context, address, part, validator string, progress func(done, total int64)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	have, version := partial(part, validator)
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", version)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	flags := os.O_CREATE | os.O_WRONLY
	total := response.ContentLength
	switch response.StatusCode {
	case http.StatusPartialContent:
		if start, ok := rangeStart(response.Header.Get("Content-Range")); !ok || start != have {
			return errors.Join(fmt.Errorf("GET %s: asked from byte %d, got range %q", address, have, response.Header.Get("Content-Range")), remove(part))
		}
		flags |= os.O_APPEND
		if total >= 0 {
			total += have
		}
	case http.StatusOK: // from the beginning: nothing was there, or the file has changed since
		flags |= os.O_TRUNC
		have = 0
		if err := atomicfile.WriteBytes(validator, []byte(versionOf(response.Header))); err != nil {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return errors.Join(fmt.Errorf("GET %s: %s; what had been fetched was dropped: try again", address, response.Status), remove(part), remove(validator))
	default:
		return fmt.Errorf("GET %s: %s", address, response.Status)
	}
	f, err := os.OpenFile(part, flags, 0o666)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, &meter{cancelled: ctx.Err, reader: response.Body, done: have, total: total, progress: progress})
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && total >= 0 && have+n != total {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("GET %s: %d of %d bytes came: %w", address, have+n, total, err)
	}
	return nil
}

// partial is how much of a download is there, and of which version of the file.
func partial(part, validator string) (have int64, version string) {
	stat, err := os.Stat(part)
	if err != nil {
		return 0, ""
	}
	b, err := os.ReadFile(validator)
	if err != nil || len(b) == 0 {
		return 0, "" // without a version there is no telling whether the rest would fit
	}
	return stat.Size(), string(b)
}

// versionOf is what tells one version of the file from another: a strong ETag, else its date.
func versionOf(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// rangeStart reads "bytes 100-199/200".
func rangeStart(s string) (int64, bool) {
	s, ok := strings.CutPrefix(s, "bytes ")
	first, _, found := strings.Cut(s, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	return start, ok && found && err == nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove removes a file that may not be there.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
