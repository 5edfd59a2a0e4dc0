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
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/fetch"
	"iconic/internal/lockfile"
	"iconic/internal/regular"
	"iconic/internal/seal"
)

// fetcher downloads one release into the cache.
type fetcher struct {
	release
	folder  string // folder of all releases
	options Options
	base    string        // base address of the archives; "": the release page
	stall   time.Duration // longest silence of a server; 0: fetch.DefaultStall
}

func (f *fetcher) target() string { return filepath.Join(f.folder, Version+"-"+f.platform) }
func (f *fetcher) path() string   { return filepath.Join(f.target(), f.library) }

// present reports whether the release is in the cache as it was downloaded. problem says what is wrong with the files there; nil if there
// are none.
func (f *fetcher) present(ctx context.Context) (ok bool, problem error) {
	if stat, err := os.Stat(f.path()); err != nil || !stat.Mode().IsRegular() {
		return false, nil
	}
	err := seal.Check(ctx, f.target())
	if errors.Is(err, seal.ErrNone) { // downloaded by an earlier version of this program
		err = f.trust(ctx)
	}
	return err == nil, err
}

// trust seals a release that was downloaded without a seal, unless it turns out to be incomplete.
func (f *fetcher) trust(ctx context.Context) error {
	if err := whole(f.path()); err != nil {
		return err
	}
	names, err := files(f.target())
	if err != nil {
		return err
	}
	if len(names) == 1 && f.npmSum != "" && strings.HasPrefix(f.platform, "linux") { // archives for Linux have a second library
		sum, err := sumOf(f.path())
		if err != nil {
			return err
		}
		if sum != f.npmSum {
			return fmt.Errorf("%s has SHA-256 %s, want %s", f.path(), sum, f.npmSum)
		}
	}
	_ = seal.Set(ctx, f.target(), names...) // in a read-only cache the release is checked again next time
	return ctx.Err()
}

// files are the names of a folder's files, without the seal and locks.
func files(folder string) (names []string, err error) {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != seal.Name && !cachefolder.Lock(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// fetch fills the cache, unless another process does so first.
func (f *fetcher) fetch(ctx context.Context) error {
	if err := os.MkdirAll(f.folder, 0o777); err != nil {
		return err
	}
	err := f.fromRelease(ctx)
	if err == nil || ctx.Err() != nil || f.npmPath == "" {
		return err
	}
	f.options.note("downloading ONNX Runtime from its release page failed (%v); trying the npm package", err)
	if npmErr := f.fromNPM(ctx); npmErr != nil {
		return fmt.Errorf("from its release page: %w; from npm: %w", err, npmErr)
	}
	return nil
}

// install lets get fill a temporary folder, which becomes the cache's folder if get succeeds and no other process was faster. The lock is
// held only to unpack files that are already on this machine.
func (f *fetcher) install(ctx context.Context, get func(into string) error) (err error) {
	unlock, err := lockfile.Wait(ctx, filepath.Join(f.folder, ".lock"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if ok, _ := f.present(ctx); ok {
		return nil
	}
	temporary, remove, err := atomicfile.Folder(f.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	into := filepath.Join(temporary, "release")
	if err := os.Mkdir(into, 0o777); err != nil {
		return err
	}
	if err := get(into); err != nil {
		return err
	}
	names, err := files(into)
	if err != nil {
		return err
	}
	if err := seal.Set(ctx, into, names...); err != nil {
		return err
	}
	if err := os.RemoveAll(f.target()); err != nil { // the existing files are incomplete, or present would have reported them
		return err
	}
	if err := os.Rename(into, f.target()); err != nil {
		return err
	}
	return atomicfile.SyncFolder(f.folder)
}

// fromRelease downloads the official archive, verifies it as a whole, and only then unpacks it.
func (f *fetcher) fromRelease(ctx context.Context) error {
	base := f.base
	if base == "" {
		base = downloads
	}
	f.options.note("downloading ONNX Runtime %s for %s (once)", Version, f.platform)
	archive := filepath.Join(f.folder, f.archive)
	err := fetch.File{
		Path: archive, SHA256: f.sum, Most: maxArchive,
		Ready: func() bool { // the archive is removed once it is unpacked
			if ok, _ := f.present(ctx); ok {
				return true
			}
			_, err := os.Stat(archive)
			return err == nil
		},
		Note: f.options.Note, Progress: f.options.Progress,
	}.Download(ctx, fetch.Source{Address: base + f.archive, Plain: f.base != "", Stall: f.stall})
	if err != nil {
		return err
	}
	err = f.install(ctx, func(into string) error { return f.unpackRelease(archive, into) })
	// The archive is removed only after its content is in place; otherwise a process that waits would find neither and download it again.
	if gone := os.Remove(archive); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// maxArchive is well above the size of any release, in bytes.
const maxArchive = 2 << 30

// unpackRelease extracts the libraries from an archive whose SHA-256 was verified.
func (f *fetcher) unpackRelease(archive, into string) error {
	found := false
	err := unpack(archive, func(name string, r io.Reader) error {
		file := path.Base(name)
		if path.Base(path.Dir(name)) != "lib" || !strings.HasPrefix(file, "libonnxruntime") {
			return nil
		}
		found = found || file == f.library
		_, err := save(filepath.Join(into, file), r)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%s does not contain lib/%s", f.archive, f.library)
	}
	return err
}

// fromNPM downloads the package with the npm client and extracts the library from it.
func (f *fetcher) fromNPM(ctx context.Context) (err error) {
	unlock, err := lockfile.Wait(ctx, filepath.Join(f.folder, ".npm.lock"), func() {
		f.options.note("waiting for another process that is downloading the npm package %s", npmPackage)
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if ok, _ := f.present(ctx); ok {
		return nil
	}
	f.options.note("downloading ONNX Runtime %s from the npm package %s (once)", Version, npmPackage)
	folder, remove, err := atomicfile.Folder(f.folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	archive, err := pack(ctx, folder)
	if err != nil {
		return err
	}
	return f.install(ctx, func(into string) error { return f.unpackNPM(archive, into) })
}

// pack has the npm client, which knows the user's registry and proxies, save the package in a folder.
func pack(ctx context.Context, folder string) (archive string, err error) {
	npm := exec.CommandContext(ctx, "npm", "pack", npmPackage, "--pack-destination", folder, "--silent")
	npm.Dir = folder
	npm.WaitDelay = 5 * time.Second
	var complaint strings.Builder
	npm.Stderr = &complaint
	if err := npm.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if line := lastLine(complaint.String()); line != "" {
			return "", fmt.Errorf("npm pack: %w: %s", err, line)
		}
		return "", fmt.Errorf("npm pack: %w", err)
	}
	packages, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err == nil && len(packages) == 0 {
		err = errors.New("npm pack made no package")
	}
	if err != nil {
		return "", err
	}
	return packages[0], nil
}

// unpackNPM extracts the library from the package, and verifies it.
func (f *fetcher) unpackNPM(archive, into string) error {
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
		return fmt.Errorf("%s does not contain %s", npmPackage, f.npmPath)
	case sum != f.npmSum:
		return fmt.Errorf("%s in %s has SHA-256 %s, want %s", f.npmPath, npmPackage, sum, f.npmSum)
	}
	return nil
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
	r, _, err := regular.Open(archive)
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

// save writes r to a new file, syncs it, and returns the SHA-256 of the content.
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

// sumOf is the SHA-256 of a file.
func sumOf(name string) (string, error) {
	r, _, err := regular.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
