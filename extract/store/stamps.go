package store

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/regular"
)

// Stamps identify an unchanged file without reading it. They are not part of a store: they are valid only on this machine, while a store's
// bytes follow from the data. They are in the user cache, in a file named after the store's folder: a line with the checksum of the
// items.jsonl they belong to, then one stamp per line. If they are lost, files are read and compared by content.

// stampsFile is the file with the stamps of the store in dir, "" if there is no user cache.
func stampsFile(dir string) string {
	folder, err := cachefolder.Of(cachefolder.Stamps)
	if err != nil {
		return ""
	}
	return cachedFile(folder, fullName(dir))
}

// loadStamps returns the stamps of n items, empty ones if none are stored.
func loadStamps(dir, sum string, n int) []string {
	stamps := make([]string, n)
	r, _, err := regular.Open(stampsFile(dir))
	if err != nil {
		return stamps
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	if !lines.Scan() || lines.Text() != sum {
		return stamps
	}
	for i := 0; i < n && lines.Scan(); i++ {
		stamps[i] = lines.Text()
	}
	return stamps
}

// Stamps returns the stamps of a store's images, as far as this machine has them, by path: those with which their files were last read. Without a store
// or with a damaged list of its images there are none.
func Stamps(dir string) map[string]string {
	known := map[string]string{}
	m, _, err := readManifest(dir)
	if err != nil {
		return known
	}
	items, _, err := m.loadItems(dir)
	if err != nil {
		return known
	}
	for i, stamp := range loadStamps(dir, m.Checksum, len(items)) {
		if stamp != "" {
			known[items[i].Path] = stamp
		}
	}
	return known
}

// stampsLast is how long unused stamps are kept.
const stampsLast = 180 * 24 * time.Hour

// dropStamps removes stamps that have long been unused: their store is gone, or its files are read once more.
func dropStamps(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // they take little space
	}
	for _, e := range entries {
		if stat, err := e.Info(); err == nil && stat.Mode().IsRegular() && time.Since(stat.ModTime()) > stampsLast {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// keepStamps moves the stamps from the file from to their place. Failing to do so is not an error.
func keepStamps(dir, sum, from string) {
	name := stampsFile(dir)
	if name == "" {
		return
	}
	r, _, err := regular.Open(from)
	if err != nil {
		return
	}
	defer r.Close()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return
	}
	dropStamps(filepath.Dir(name))
	err = atomicfile.Write(name, func(w io.Writer) error {
		_, head := io.WriteString(w, sum+"\n")
		_, body := io.Copy(w, r)
		return errors.Join(head, body)
	})
	if err != nil {
		return // the next run reads the files instead
	}
}
