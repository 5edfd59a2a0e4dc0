package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/regular"
	"iconic/internal/seal"
)

// cacheFolder is the folder for weights and imported models: the given one, or iconic/models in the user's cache.
func cacheFolder(given string) (string, error) {
	if given == "" {
		var err error
		if given, err = cachefolder.Of(cachefolder.Models); err != nil {
			return "", fmt.Errorf("no folder can keep the models: %w", err)
		}
	}
	return given, os.MkdirAll(given, 0o777)
}

// Locked is the lock file's entry for a file of weights.
type Locked struct {
	SHA256 string    `json:"sha256"`
	Bytes  int64     `json:"bytes"`
	From   string    `json:"from"`
	Since  time.Time `json:"since"`
}

func lockFile(cache string) string { return filepath.Join(cache, "weights.lock.json") }

func readLocks(cache string) (map[string]Locked, error) {
	locks := map[string]Locked{}
	b, err := regular.Read(lockFile(cache))
	if errors.Is(err, fs.ErrNotExist) {
		return locks, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &locks)
	}
	if err != nil {
		return nil, fmt.Errorf("the lock file of the weights, %s: %w; repair it, or remove it to trust the files again", lockFile(cache), err)
	}
	return locks, nil
}

func writeLocks(cache string, locks map[string]Locked) error {
	b, err := json.MarshalIndent(locks, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(lockFile(cache), append(b, '\n'))
}

// Remember records in the cache where the encoder with that SHA-256 is, for Recall.
func Remember(cache, sum, path string) error {
	cache, err := cacheFolder(cache)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	folder := filepath.Join(cache, "encoders")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(folder, sum), []byte(path))
}

// Recall returns the ONNX file last given to Remember for an encoder; ok is false if it no longer exists, or if it is in the cache and has
// changed.
func Recall(cache, sum string) (path string, ok bool) {
	cache, err := cacheFolder(cache)
	if err != nil || !filepath.IsLocal(sum) {
		return "", false
	}
	b, err := regular.Read(filepath.Join(cache, "encoders", sum))
	if err != nil {
		return "", false
	}
	if stat, err := os.Stat(string(b)); err != nil || !stat.Mode().IsRegular() {
		return "", false
	}
	if errors.Is(seal.Check(context.Background(), filepath.Dir(string(b))), seal.ErrBroken) {
		return "", false
	}
	cachefolder.Used(filepath.Dir(string(b)))
	return string(b), true
}

// checksum is the SHA-256 of a file, in hexadecimal digits, and its size.
func checksum(ctx context.Context, name string, progress func(done, total int64)) (sum string, size int64, err error) {
	f, stat, err := regular.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, &meter{cancelled: ctx.Err, reader: f, total: stat.Size(), progress: progress})
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// meter reports what has been read, and stops when cancelled, a context's Err, returns an error.
type meter struct {
	cancelled   func() error
	reader      io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (m *meter) Read(b []byte) (int, error) {
	if err := m.cancelled(); err != nil {
		return 0, err
	}
	n, err := m.reader.Read(b)
	m.done += int64(n)
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
	return n, err
}
