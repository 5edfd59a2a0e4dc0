package sorting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"iconic/internal/atomicfile"
	"iconic/option"
)

// Undone is the result of Undo.
type Undone struct {
	Back    int       // files moved back, or copies and links removed
	Removed int       // how many of those are copies and links
	Before  int       // steps that had not been taken, or that an earlier Undo reverted
	Failed  []Failure // files that changed since the sorting, and are left unchanged
	Torn    bool      // the journal's last line was truncated and is ignored: none of it had been done
}

// Undo reverts every sorting into a folder that its journal records, the last step first, and restores the times of folders. It removes the
// folders that the sorting made unless they contain anything else by now. A copy is removed only while its original has the same bytes, or the
// archive that holds it the same size and time; an original in a bucket is not looked at. The journal is removed only if everything was reverted,
// so the call may be repeated, also after a kill. A folder "" is an option.Error. step is called before every change, for tests; nil: not called.
func Undo(ctx context.Context, folder string, step func() error) (u *Undone, err error) {
	if folder == "" {
		return nil, option.Errorf("Folder", "there is no sorted folder to undo: name one")
	}
	step = stopping(step)
	whole, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(whole, Journal)); err != nil {
		return nil, fmt.Errorf("%s %w: nothing was sorted into it, or everything was undone", folder, ErrNoJournal)
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
		if !e.places() {
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
			if e.Step != Move {
				u.Removed++
			}
		default:
			u.Before++
		}
	}
	return u, j.finish(whole, len(u.Failed) == 0, step)
}

// sweep removes files that were being copied when a sorting or its undoing was killed, since the folders made for them could not be removed
// otherwise.
func (j *journal) sweep(folder string) {
	atomicfile.Sweep(folder)
	swept := map[string]bool{folder: true}
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

// back reverts one step, if it was taken.
func (e *entry) back(folder string, step func() error) (done bool, err error) {
	if !e.Step.known() {
		return false, fmt.Errorf("the journal has an unknown step %q for it and %s: put that right by hand", e.Step, e.From)
	}
	from, to := string(e.From), filepath.Join(folder, string(e.To))
	there, err := os.Lstat(to)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.ENOTDIR) { // the latter can never have been made
		if _, err := os.Lstat(from); e.Step == Move && err != nil {
			return false, fmt.Errorf("it is neither in the folder nor at %s", from)
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
	err = move(to, from, there, step)
	return err == nil, err
}

// coarse is the resolution of file times on the coarsest file systems, such as FAT.
const coarse = 2 * time.Second

// unchanged fails unless a name is still what the step made of it.
func (e *entry) unchanged(there fs.FileInfo, from, to string) error {
	switch e.Step {
	case Link:
		if target, err := os.Readlink(to); err != nil || target != from {
			return fmt.Errorf("it is no longer the link to %s", from)
		}
	case Hardlink:
		if !sameFile(from, to) || !apart(from, to) {
			return fmt.Errorf("it is no longer the same file as %s, and may be the only copy of its content", from)
		}
	case Copy:
		if !there.Mode().IsRegular() || there.Size() != e.Size || there.ModTime().Sub(e.modified()).Abs() > coarse {
			return errors.New("it was changed since it was copied")
		}
		return e.original(from, to)
	case Move:
		if _, err := os.Lstat(from); err == nil && !twice(from, to) {
			return fmt.Errorf("there is another file at %s, its original place", from)
		}
	}
	return nil
}

// original fails unless the original of a copy is still there.
func (e *entry) original(from, to string) error {
	if from == "" {
		return e.held()
	}
	stat, err := os.Stat(from)
	if err != nil || !stat.Mode().IsRegular() || stat.Size() != e.Size || !apart(from, to) || !equal(from, to) {
		return fmt.Errorf("its original %s is gone or has changed: this may be the only copy of its content", from)
	}
	return nil
}

// held fails unless the archive that holds the original of a copy is as it was.
func (e *entry) held() error {
	holder := string(e.Holder)
	switch {
	case e.Elsewhere:
		return nil
	case holder == "": // written by an earlier version, or the archive could not be looked at
		return errors.New("the journal does not say which archive holds its original: this may be the only copy of its content, so remove it by hand if it is not")
	}
	stat, err := os.Stat(holder)
	if err != nil || stat.Size() != e.HolderSize || stat.ModTime().Sub(time.Unix(0, e.HolderModified)).Abs() > coarse {
		return fmt.Errorf("%s, which holds its original, is gone or has changed: this may be the only copy of its content", holder)
	}
	return nil
}

// finish removes the folders that were made and, if no cluster has a subfolder any more, the record of the clusters, sets the times of the other folders and,
// if everything was reverted, removes the journal.
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
			// A folder that is not empty stays: somebody else uses it.
			if err := os.Remove(filepath.Join(folder, made)); err != nil && !errors.Is(err, fs.ErrNotExist) && !notEmpty(filepath.Join(folder, made)) {
				return err
			}
		}
	}
	if err := unclaim(folder, step); err != nil {
		return err
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

// setTimes restores the times of folders.
func (j *journal) setTimes() error {
	for _, e := range j.entries {
		if len(e.Times) == 0 {
			continue
		}
		stat, err := os.Stat(string(e.Times))
		if err != nil || stat.ModTime().Equal(e.modified()) {
			continue // it is gone, or unchanged
		}
		if err := os.Chtimes(string(e.Times), time.Time{}, e.modified()); err != nil {
			return err
		}
	}
	return nil
}
