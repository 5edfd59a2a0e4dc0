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

// Locate gives the file at a location that a model names. It must be a regular file in the model's folder, links resolved: in the folder
// in which the model's name lies, or in that of the file to which this name leads, for caches keep models as links into one folder of
// contents. Anything else is refused: absolute paths, "..", and links that lead out.
func Locate(model, location string) (string, error) {
	local := filepath.FromSlash(location)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("external data lie in %q, which is not a file in the model's folder", location)
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
	return "", fmt.Errorf("external data lie in %q, a link to %s, which is not a file in the model's folder: put the file there", location, real)
}

// Files lists the files of external data that a model reads, in the order of their paths.
func Files(model string) ([]string, error) {
	f, stat, err := regular.Open(model)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return files(f, model, stat.Size())
}

// Size is the number of bytes of a model and its external data.
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

// files lists them from the model's bytes.
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

// Sum is the SHA-256 of a model, in hexadecimal digits, and the number of bytes of all of its files. It covers the model's file and then
// its external data, in the order of their paths; where these are several, each after its length, so that bytes cannot pass from one
// file to the next unnoticed. It ends with ctx.
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
				fmt.Fprintf(h, "%d\n", size) // a hash takes everything
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

// feed gives the hash a file. look gets it first, as a stream: what it reads is hashed, and then the rest.
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
