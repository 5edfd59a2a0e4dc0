package sorting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"iconic/internal/atomicfile"
)

// Undone is what came of Undo.
type Undone struct {
	Back   int       // files moved back, or copies and links removed
	Before int       // steps that had not been taken, or that an earlier Undo took back
	Failed []Failure // files that are no longer as the sorting left them, and stay as they are
	Torn   bool      // the journal's last line was cut short and is ignored: nothing of it had been done
}

// Undo takes back every sorting into a folder that its journal knows, the last step first, and sets the times of folders as they were.
// Folders that it made are removed unless they hold something else by now. The journal goes only if everything was taken back; so
// the call may be repeated, also after a kill. step is called before every change, for tests; nil: nothing is.
func Undo(ctx context.Context, folder string, step func() error) (u *Undone, err error) {
	step = stopping(step)
	whole, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(whole, Journal)); err != nil {
		return nil, fmt.Errorf("%s %w: nothing was sorted into it, or all was taken back", folder, ErrNoJournal)
	}
	j, err := openJournal(whole)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.close()) }()
	u = &Undone{Torn: j.torn}
	j.sweep(whole)
	for _, e := range slices.Backward(j.entries) {
		if err := ctx.Err(); err != nil {
			return u, err
		}
		if e.Step == "" {
			continue
		}
		done, err := e.back(whole, step)
		switch {
		case stopped(err):
			return u, err
		case err != nil:
			u.Failed = append(u.Failed, Failure{string(e.To), err})
		case done:
			u.Back++
		default:
			u.Before++
		}
	}
	return u, j.finish(whole, len(u.Failed) == 0, step)
}

// sweep removes what was being copied when a sorting, or taking one back, was killed: the folders made for it could not go else.
func (j *journal) sweep(folder string) {
	swept := map[string]bool{}
	for _, e := range j.entries {
		var written []string
		switch e.Step {
		case Copy:
			written = []string{filepath.Join(folder, string(e.To))}
		case Move: // to another file system, and back
			written = []string{filepath.Join(folder, string(e.To)), string(e.From)}
		}
		for _, file := range written {
			if into := filepath.Dir(file); !swept[into] {
				swept[into] = true
				atomicfile.Sweep(into)
			}
		}
	}
}

// back takes one step back, if it was taken.
func (e *entry) back(folder string, step func() error) (done bool, err error) {
	from, to := string(e.From), filepath.Join(folder, string(e.To))
	there, err := os.Lstat(to)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(from); e.Step == Move && err != nil {
			return false, fmt.Errorf("it is neither there nor at %s", from)
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := e.unchanged(there, from, to); err != nil {
		return false, err
	}
	if err := step(); err != nil {
		return false, err
	}
	if e.Step != Move {
		return true, os.Remove(to)
	}
	if _, err := os.Lstat(from); err == nil { // killed between the two names: unchanged has compared them
		return true, os.Remove(to)
	}
	if err := os.MkdirAll(filepath.Dir(from), 0o755); err != nil {
		return false, err
	}
	err = move(to, from, step)
	return err == nil, err
}

// coarse is how exactly the coarsest file systems, FAT among them, keep the time of a file.
const coarse = 2 * time.Second

// unchanged fails unless a name is still what the step made of it.
func (e *entry) unchanged(there fs.FileInfo, from, to string) error {
	switch e.Step {
	case Link:
		if target, err := os.Readlink(to); err != nil || target != from {
			return fmt.Errorf("it is no longer the link to %s", from)
		}
	case Hardlink:
		if !sameFile(from, to) {
			return fmt.Errorf("it is not the same file as %s any more, and may be the last of its content", from)
		}
	case Copy:
		if !there.Mode().IsRegular() || there.Size() != e.Size || there.ModTime().Sub(e.modified()).Abs() > coarse {
			return errors.New("it was changed since it was copied")
		}
	case Move:
		if _, err := os.Lstat(from); err != nil || sameFile(from, to) {
			return nil
		}
		x, errX := os.ReadFile(from)
		y, errY := os.ReadFile(to)
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			return fmt.Errorf("another file lies at %s, where it came from", from)
		}
	default:
		return fmt.Errorf("step %q is not known", e.Step)
	}
	return nil
}

// finish removes the folders that were made, sets the times of those that were not, and, if all was taken back, ends the journal.
func (j *journal) finish(folder string, all bool, step func() error) error {
	own := false
	for _, e := range slices.Backward(j.entries) {
		switch made := string(e.Made); made {
		case "":
		case ".":
			own = true
		default:
			if err := step(); err != nil {
				return err
			}
			// One that holds something stays: it is somebody's.
			if err := os.Remove(filepath.Join(folder, made)); err != nil && !errors.Is(err, fs.ErrNotExist) && !notEmpty(filepath.Join(folder, made)) {
				return err
			}
		}
	}
	if err := j.setTimes(); err != nil || !all {
		return err
	}
	if err := step(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(folder, Journal)); err != nil {
		return err
	}
	if own && !notEmpty(folder) {
		if err := os.Remove(folder); err != nil {
			return err
		}
	}
	return j.setTimes()
}

func notEmpty(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err != nil || len(entries) > 0
}

// setTimes gives folders the times that they had.
func (j *journal) setTimes() error {
	for _, e := range j.entries {
		if len(e.Times) == 0 {
			continue
		}
		stat, err := os.Stat(string(e.Times))
		if err != nil || stat.ModTime().Equal(e.modified()) {
			continue // it is gone, or as it was
		}
		if err := os.Chtimes(string(e.Times), time.Time{}, e.modified()); err != nil {
			return err
		}
	}
	return nil
}
