package cachefolder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
)

// The kinds of entries: the names of folders below the root.
const (
	Features   = "features"    // feature stores of `run`, by data and encoder
	Contents   = "contents"    // index of the pictures in this user's stores, by content
	Neighbours = "neighbours"  // neighbour graphs of matrices; a store keeps its own
	Models     = "models"      // weights, and encoders made from them
	Runtime    = "onnxruntime" // ONNX Runtime libraries
	Stamps     = "stamps"      // stamps that identify unchanged images without reading them
	Buckets    = "buckets"     // local copies of stores in buckets, while they are in use
)

// Root is the cache folder. It need not exist.
func Root() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", errors.New(strings.Replace(err.Error(), " are defined", " is defined", 1)) // "neither … nor …"
	}
	return filepath.Join(cache, "iconic"), nil
}

// Of is the folder of a kind. It need not exist.
func Of(kind string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, kind), nil
}

// Keeps reports whether a file or folder is in the cache.
func Keeps(name string) bool {
	root, err := Root()
	if err != nil {
		return false
	}
	full, err := filepath.Abs(name)
	if err != nil {
		return false
	}
	below, err := filepath.Rel(root, full)
	return err == nil && below != "." && filepath.IsLocal(below)
}

// Used marks a folder of the cache as used now. It does nothing for other folders, or without permission.
func Used(folder string) {
	if Keeps(folder) {
		now := time.Now()
		_ = os.Chtimes(folder, now, now) // a read-only cache is pruned by its owner
	}
}

// useName is the name of the file whose lock holds a folder.
const useName = ".use"

// Use is the file whose lock holds a folder.
func Use(folder string) string { return filepath.Join(folder, useName) }

// Hold marks a folder of the cache as used and protects it from pruning until release. It does nothing for folders outside the cache, and
// for those that cannot be locked, as in a read-only cache. It fails only if ctx ends.
func Hold(ctx context.Context, folder string) (release func(), err error) {
	if !Keeps(folder) {
		return func() {}, nil
	}
	for {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return func() {}, nil
		}
		unlock, err := lockfile.Share(Use(folder))
		switch {
		case err == nil:
			Used(folder)
			return func() { _ = unlock() }, nil // the end of the process would release it, too
		case !errors.Is(err, lockfile.ErrBusy) && !errors.Is(err, os.ErrNotExist):
			return func() {}, nil
		}
		select { // it is being pruned
		case <-ctx.Done():
			return func() {}, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Claim locks a folder of the cache against everyone who uses it or writes to it. It fails with lockfile.ErrBusy while it is in use.
func Claim(folder string, locks ...string) (unlock func() error, err error) {
	var held []func() error
	unlock = func() error {
		var err error
		for _, u := range held {
			err = errors.Join(err, u())
		}
		return err
	}
	for _, name := range append([]string{Use(folder)}, locks...) {
		u, err := lockfile.Try(name)
		if err != nil {
			return nil, errors.Join(err, unlock())
		}
		held = append(held, u)
	}
	return unlock, nil
}

// Remove takes a folder of the cache away in one step, so that no half-removed folder is ever seen under its name, and then frees its
// space. It fails with lockfile.ErrBusy while somebody uses or writes it.
func Remove(folder string, locks ...string) (err error) {
	if !Keeps(folder) {
		return fmt.Errorf("%s is not a folder of the cache", folder)
	}
	unlock, err := Claim(folder, locks...)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return Discard(folder)
}

// Discard is Remove for a file or folder that nobody claims.
func Discard(name string) error {
	aside, remove, err := atomicfile.Folder(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(os.Rename(name, filepath.Join(aside, filepath.Base(name))), remove())
}

// Forget removes a folder of the cache that contains only locks, for example after its first use failed, unless somebody uses it.
func Forget(folder string) {
	if !Keeps(folder) || !bare(folder) {
		return
	}
	unlock, err := Claim(folder)
	if err != nil {
		return
	}
	if bare(folder) {
		_ = Discard(folder) // an empty folder does no harm
	}
	_ = unlock()
}

// bare reports whether a folder contains only locks.
func bare(folder string) bool {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if !Lock(e.Name()) {
			return false
		}
	}
	return true
}

// Busy reports whether somebody uses or writes a folder, without leaving anything behind.
func Busy(folder string, locks ...string) bool {
	for _, name := range append([]string{Use(folder)}, locks...) {
		if _, err := os.Lstat(name); err != nil {
			continue // nobody ever has used it
		}
		unlock, err := lockfile.Try(name)
		if errors.Is(err, lockfile.ErrBusy) {
			return true
		}
		if err == nil {
			_ = unlock()
		}
	}
	return false
}

// Lock reports whether a file exists only to be locked, and has no content.
func Lock(name string) bool {
	base := filepath.Base(name)
	return base == useName || strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".lock")
}
