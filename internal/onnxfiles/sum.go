package onnxfiles

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"

	"iconic/internal/regular"
)

// Locate returns the file at a location named by a model. It must be a regular file, after resolving links, in the model's folder: the
// folder that contains the model's name, or the one with the file to which that name links, since caches store models as links into one
// folder of contents. Anything else is refused: absolute paths, "..", and links that lead outside.
func Locate(model, location string) (string, error) {
	local := filepath.FromSlash(location)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("external data are in %q, which is not a file in the model's folder", location)
	}
	name := filepath.Join(filepath.Dir(model), local)
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", fmt.Errorf("external data: %w", err)
	}
	if stat, err := os.Stat(real); err != nil {
		return "", fmt.Errorf("external data: %w", err)
	} else if !stat.Mode().IsRegular() {
		return "", fmt.Errorf("external data %s: %w", name, regular.ErrNotRegular)
	}
	for _, resolve := range []func() (string, error){
		func() (string, error) { return filepath.EvalSymlinks(filepath.Dir(model)) },
		func() (string, error) { file, err := filepath.EvalSymlinks(model); return filepath.Dir(file), err },
	} {
		folder, err := resolve()
		if err != nil {
			return "", fmt.Errorf("external data: %w", err)
		}
		if below, err := filepath.Rel(folder, real); err == nil && filepath.IsLocal(below) {
			return name, nil
		}
	}
	return "", fmt.Errorf("external data are in %q, a link to %s, which is not a file in the model's folder: put the file there", location, real)
}

// Files lists the files of external data of a model, in the order of their paths.
func Files(model string) ([]string, error) {
	f, stat, err := regular.Open(model)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return files(f, model, stat.Size())
}

// Size is the size of a model and its external data in bytes.
func Size(model string) (int64, error) {
	names, err := Files(model)
	var size int64
	for _, name := range append(names, model) {
		stat, serr := os.Stat(name)
		if err = errors.Join(err, serr); err != nil {
			return 0, err
		}
		size += stat.Size()
	}
	return size, nil
}

// files lists them, given the model's bytes.
func files(r io.Reader, model string, size int64) ([]string, error) {
	locations, err := Locations(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", model, err)
	}
	var names []string
	for _, location := range locations {
		name, err := Locate(model, location)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", model, err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Sum returns the SHA-256 of a model, in hexadecimal digits, and the total size of its files. The sum covers the model's file and then its
// external data in the order of their paths; if there are several such files, each is preceded by its length, so that bytes cannot move
// from one file to the next unnoticed. It ends with ctx.
func Sum(ctx context.Context, model string) (sum string, size int64, err error) {
	h := sha256.New()
	var external []string
	size, err = feed(ctx, h, model, func(r io.Reader, size int64) (err error) {
		external, err = files(r, model, size)
		return err
	})
	if err != nil {
		return "", 0, err
	}
	for _, name := range external {
		n, err := feed(ctx, h, name, func(_ io.Reader, size int64) error {
			if len(external) > 1 {
				fmt.Fprintf(h, "%d\n", size) // a hash never fails
			}
			return nil
		})
		if err != nil {
			return "", 0, err
		}
		size += n
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// feed hashes a file. It first passes it to look, as a stream: what look reads is hashed, and then the rest.
func feed(ctx context.Context, h hash.Hash, name string, look func(r io.Reader, size int64) error) (int64, error) {
	f, stat, err := regular.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := io.TeeReader(&cancelled{ctx, f}, h)
	if err := look(r, stat.Size()); err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return stat.Size(), nil
}

// cancelled is a reader that ends with its context.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
