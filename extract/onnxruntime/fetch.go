package onnxruntime

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"iconic/internal/atomicfile"
)

// fetcher brings one release into the cache.
type fetcher struct {
	release
	folder  string // of all releases
	options Options
	base    string // of the archives; "": the release page
}

func (f *fetcher) target() string { return filepath.Join(f.folder, Version+"-"+f.platform) }
func (f *fetcher) path() string   { return filepath.Join(f.target(), f.library) }

// present tells whether the release is in the cache. It got there whole, so its presence is enough.
func (f *fetcher) present() bool {
	stat, err := os.Stat(f.path())
	return err == nil && stat.Mode().IsRegular() && stat.Size() > 0
}

// fetch fills the cache, unless another process does so first.
func (f *fetcher) fetch(ctx context.Context) (err error) {
	if err := os.MkdirAll(f.folder, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(f.folder, ".lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another fetch: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if f.present() {
		return nil
	}
	if err := f.sweep(); err != nil {
		return err
	}
	if err := f.attempt(ctx, f.fromRelease); err == nil {
		return nil
	} else if ctx.Err() != nil || f.npmPath == "" {
		return err
	} else {
		f.options.note("fetching ONNX Runtime from its release page failed (%v); trying the npm package", err)
		if npmErr := f.attempt(ctx, f.fromNPM); npmErr != nil {
			return fmt.Errorf("from its release page: %w; from npm: %w", err, npmErr)
		}
		return nil
	}
}

// sweep removes what processes that were killed while they held the lock have left.
func (f *fetcher) sweep() error {
	left, err := filepath.Glob(filepath.Join(f.folder, ".fetch-*"))
	for _, folder := range left {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return err
}

// attempt lets get fill a temporary folder, which becomes the cache's if get succeeds.
func (f *fetcher) attempt(ctx context.Context, get func(ctx context.Context, into string) error) (err error) {
	temporary, err := os.MkdirTemp(f.folder, ".fetch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	into := filepath.Join(temporary, "release")
	if err := os.Mkdir(into, 0o755); err != nil {
		return err
	}
	if err := get(ctx, into); err != nil {
		return err
	}
	if err := os.RemoveAll(f.target()); err != nil { // what is there is not whole, or present would have said so
		return err
	}
	if err := os.Rename(into, f.target()); err != nil {
		return err
	}
	return atomicfile.SyncFolder(f.folder)
}

// stall is how long a download may bring no byte.
const stall = 30 * time.Second

// fromRelease downloads the official archive, checks it whole, and only then unpacks it.
func (f *fetcher) fromRelease(ctx context.Context, into string) (err error) {
	base := f.base
	if base == "" {
		base = downloads
	}
	f.options.note("fetching ONNX Runtime %s for %s, once", Version, f.platform)
	archive := filepath.Join(filepath.Dir(into), "archive.tgz")
	if err := f.download(ctx, base+f.archive, archive); err != nil {
		return err
	}
	found := false
	err = unpack(archive, func(name string, r io.Reader) error {
		file := path.Base(name)
		if path.Base(path.Dir(name)) != "lib" || !strings.HasPrefix(file, "libonnxruntime") {
			return nil
		}
		found = found || file == f.library
		_, err := save(filepath.Join(into, file), r)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%s holds no lib/%s", f.archive, f.library)
	}
	return err
}

// download saves what lies at url, whose SHA-256 must be the release's.
func (f *fetcher) download(ctx context.Context, url, name string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 20 * time.Second,
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	watchdog := time.AfterFunc(stall, func() { cancel(fmt.Errorf("%s: nothing came for %v", url, stall)) })
	defer watchdog.Stop()
	body := &meter{r: response.Body, total: response.ContentLength, at: func(done, total int64) {
		watchdog.Reset(stall)
		if f.options.Progress != nil {
			f.options.Progress(done, total)
		}
	}}
	sum, err := save(name, body)
	if err != nil {
		return orCause(ctx, err)
	}
	if sum != f.sum {
		return fmt.Errorf("%s has SHA-256 %s where %s was expected", url, sum, f.sum)
	}
	return nil
}

// orCause prefers the reason for which ctx was cancelled to the error that followed from it.
func orCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// fromNPM has the npm client fetch the package, and takes the library out of it.
func (f *fetcher) fromNPM(ctx context.Context, into string) error {
	f.options.note("fetching ONNX Runtime %s from the npm package %s, once", Version, npmPackage)
	folder := filepath.Dir(into)
	npm := exec.CommandContext(ctx, "npm", "pack", npmPackage, "--pack-destination", folder, "--silent")
	npm.Dir = folder
	npm.WaitDelay = 5 * time.Second
	var complaint strings.Builder
	npm.Stderr = &complaint
	if err := npm.Run(); err != nil {
		if line := lastLine(complaint.String()); line != "" {
			return fmt.Errorf("npm pack: %w: %s", err, line)
		}
		return fmt.Errorf("npm pack: %w", err)
	}
	packages, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil {
		return err
	}
	for _, archive := range packages {
		if path.Base(archive) == "archive.tgz" {
			continue
		}
		sum := ""
		err := unpack(archive, func(name string, r io.Reader) (err error) {
			if name == f.npmPath {
				sum, err = save(filepath.Join(into, f.library), r)
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case sum == "":
			return fmt.Errorf("%s holds no %s", npmPackage, f.npmPath)
		case sum != f.npmSum:
			return fmt.Errorf("%s in %s has SHA-256 %s where %s was expected", f.npmPath, npmPackage, sum, f.npmSum)
		}
		return nil
	}
	return errors.New("npm pack made no package")
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// unpack calls file for each regular file of a .tgz.
func unpack(archive string, file func(name string, r io.Reader) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
		}
	}()
	r, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := file(path.Clean(h.Name), t); err != nil {
			return err
		}
	}
}

// save writes r to a new file, synced, and gives the SHA-256 of what it wrote.
func save(name string, r io.Reader) (sum string, err error) {
	w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	if _, err = io.Copy(io.MultiWriter(w, hash), r); err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// meter reports how much has been read.
type meter struct {
	r           io.Reader
	done, total int64
	at          func(done, total int64)
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.done += int64(n)
	m.at(m.done, m.total)
	return n, err
}
