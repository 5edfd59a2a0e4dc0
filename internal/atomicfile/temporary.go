package atomicfile

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	prefix   = ".iconic-tmp-"
	folders  = ".d"           // suffix to the name of the file beside it, whose lock covers the folder
	forsaken = 24 * time.Hour // age at which a file is dead if its writer cannot be checked
)

// Temporary reports whether a file or folder has a temporary name.
func Temporary(name string) bool {
	_, _, ok := parse(filepath.Base(name))
	return ok
}

// newName is a name that has never been used.
func newName() string {
	return fmt.Sprintf("%s%s-%s-%s", prefix, machine(), second(time.Now()), strings.ToLower(rand.Text()[:12]))
}

func second(t time.Time) string { return strconv.FormatInt(t.Unix(), 36) }

// parse splits a temporary name into its parts; ok is false for other names.
func parse(name string) (from string, made time.Time, ok bool) {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(name, prefix), folders), "-")
	if !strings.HasPrefix(name, prefix) || len(parts) != 3 || len(parts[2]) != 12 {
		return "", time.Time{}, false
	}
	seconds, err := strconv.ParseInt(parts[1], 36, 64)
	return parts[0], time.Unix(seconds, 0), err == nil
}

// machine identifies this system since its boot: eight hexadecimal digits.
var machine = sync.OnceValue(func() string {
	h := fnv.New32a()
	name, _ := os.Hostname() // all machines without a name are treated as one
	h.Write([]byte(cmp.Or(started(), name)))
	return fmt.Sprintf("%08x", h.Sum32())
})

// temporary is a file that this process is writing under a temporary name.
type temporary struct {
	file *os.File
	lock *flock.Flock // nil if the file system has none
}

// create makes an empty temporary file with permissions 0644 less the umask.
func create(folder string) (*temporary, error) {
	const tries = 100 // a sweep may come between creating a file and locking it
	for range tries {
		f, err := os.OpenFile(filepath.Join(folder, newName()), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
		if err != nil {
			return nil, err
		}
		if t := (&temporary{file: f}); t.hold() {
			return t, nil
		}
		_ = f.Close() // it was removed
	}
	return nil, fmt.Errorf("another process removes temporary files in %s as fast as they are made", folder)
}

func (t *temporary) path() string { return t.file.Name() }

// hold locks a file just created. It returns false if a sweep was faster, and then removes the file.
func (t *temporary) hold() bool {
	lock := flock.New(t.path(), flock.SetFlag(os.O_RDWR))
	held, err := lock.TryLock()
	if err == nil && held {
		t.lock = lock
	} else {
		_ = lock.Close()
	}
	_, gone := os.Lstat(t.path())
	if busy := err == nil && !held; gone == nil && !busy {
		return true
	}
	_ = t.release()
	return false
}

// release releases the lock after the file has its final name or is gone.
func (t *temporary) release() error {
	if t.lock == nil {
		return nil
	}
	return t.lock.Close()
}

// discard removes the file if it still has its temporary name, and releases the lock.
func (t *temporary) discard() error { return errors.Join(os.RemoveAll(t.path()), t.release()) }

// Folder makes an empty folder with a temporary name in parent, in which files are made before they are renamed. Call remove to remove it
// with everything left in it.
func Folder(parent string) (path string, remove func() error, err error) {
	Sweep(parent)
	t, err := create(parent)
	if err != nil {
		return "", nil, unnamed(err)
	}
	path = t.path() + folders
	if err := errors.Join(t.file.Close(), os.Mkdir(path, 0o777)); err != nil {
		return "", nil, errors.Join(err, t.discard())
	}
	return path, func() error { return errors.Join(os.RemoveAll(path), t.discard()) }, nil
}

// Sweep removes what dead processes have left in a folder under temporary names, as far as possible.
func Sweep(folder string) {
	d, err := os.Open(folder)
	if err != nil {
		return // the next writer will report it
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(1000)
		for _, e := range entries {
			if from, made, ok := parse(e.Name()); ok {
				sweep(filepath.Join(folder, e.Name()), from, made)
			}
		}
		if err != nil || len(entries) == 0 {
			return
		}
	}
}

// sweep removes one file or folder if its writer is dead.
func sweep(path, from string, made time.Time) {
	stat, err := os.Lstat(path)
	if err != nil || stat.IsDir() != strings.HasSuffix(path, folders) || !stat.IsDir() && !stat.Mode().IsRegular() {
		return
	}
	here := from == machine() && started() != ""
	old := time.Since(made) > forsaken && time.Since(stat.ModTime()) > forsaken
	if !here && !old {
		return
	}
	guard := strings.TrimSuffix(path, folders)
	lock := flock.New(guard, flock.SetFlag(os.O_RDWR))
	held, err := lock.TryLock()
	if errors.Is(err, fs.ErrPermission) { // another user's, in a writable folder
		lock = flock.New(guard, flock.SetFlag(os.O_RDONLY))
		held, err = lock.TryLock()
	}
	defer lock.Close()
	if stat.IsDir() && errors.Is(err, fs.ErrNotExist) { // the file is made before its folder, and removed after it
		held, err = true, nil
	}
	if err == nil && !held || err != nil && !old || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return
	}
	// The file that was checked may since have got its final name; a temporary name never refers to two files.
	if now, err := os.Lstat(path); err == nil && os.SameFile(stat, now) {
		if stat.IsDir() {
			undo(path)
		}
		_ = os.RemoveAll(path)
	}
}

// waits is the suffix of the file that says what a published file is waiting for.
const waits = ".waits"

// Publish moves a file out of a folder made by Folder, to its name beside that folder, which may not exist yet. It is called before another
// file of the folder, next, without which the first is useless, is renamed. If the process is killed in between, the next Sweep removes the
// published name again. On a file system without links the file is renamed, and stays.
func Publish(folder, base, next string) error {
	from, to := filepath.Join(folder, base), filepath.Join(filepath.Dir(folder), base)
	if err := os.WriteFile(from+waits, []byte(next), 0o644); err != nil {
		return err
	}
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "write", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// undo removes what a dead writer had published from a folder whose other file was not renamed.
func undo(folder string) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, f := range files {
		base, waiting := strings.CutSuffix(f.Name(), waits)
		if !waiting || !f.Type().IsRegular() {
			continue
		}
		next, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil || filepath.Base(string(next)) != string(next) {
			continue
		}
		to := filepath.Join(filepath.Dir(folder), base)
		_, missing := os.Lstat(filepath.Join(folder, string(next)))
		here, err := os.Lstat(filepath.Join(folder, base))
		there, gone := os.Lstat(to)
		if missing == nil && err == nil && gone == nil && here.Mode().IsRegular() && os.SameFile(here, there) {
			_ = os.Remove(to)
		}
	}
}
