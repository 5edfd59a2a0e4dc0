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
	"slices"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/onnxfiles"
	"iconic/internal/places"
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

// Remember records in the cache that the encoder with that SHA-256 is the file path, for Recall. The latest places are kept.
func Remember(cache, sum, path string) error {
	if !isSum(sum) {
		return fmt.Errorf("%q is not a SHA-256", sum)
	}
	cache, err := cacheFolder(cache)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	return places.Add(filepath.Join(cache, "encoders", sum), path)
}

// isSum reports whether a text can be a checksum: hexadecimal digits.
func isSum(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && text != ""
}

// Recall returns the latest of the ONNX files given to Remember for an encoder that still exists; ok is false if there is none. A file in the cache that has
// changed is passed over. If several exist, the file is read: it has that SHA-256.
func Recall(cache, sum string) (path string, ok bool) {
	cache, err := cacheFolder(cache)
	if err != nil || !isSum(sum) {
		return "", false
	}
	there := slices.DeleteFunc(places.Read(filepath.Join(cache, "encoders", sum)), func(path string) bool {
		stat, err := os.Stat(path)
		return err != nil || !stat.Mode().IsRegular() || errors.Is(seal.Check(context.Background(), filepath.Dir(path)), seal.ErrBroken)
	})
	if len(there) == 0 {
		return "", false
	}
	path = there[0] // whoever opens it reads it, and says so if it is another one
	if len(there) > 1 {
		of := slices.IndexFunc(there, func(path string) bool {
			got, _, err := onnxfiles.Sum(context.Background(), path)
			return err == nil && got == sum
		})
		path = there[max(of, 0)]
	}
	cachefolder.Used(filepath.Dir(path))
	return path, true
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
