package sorting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"iconic/internal/placing"
	"iconic/internal/regular"
)

// planned is the planned step of a file.
type planned struct {
	file File
	entry
	half bool // a move that was killed between its two steps: the file has both names
}

// plans plans the steps of all files that are not in place yet.
func (r *work) plans(ctx context.Context) (steps []planned, err error) {
	for i, f := range r.Files {
		if i%batch == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		p, there, err := r.plan(f)
		switch {
		case err != nil:
			r.fail(f, err)
			if to, known := r.earlier.place(f, r.Mode); known { // it stays where it belongs, as the file itself does
				r.reserve(to)
			}
		case there:
			r.result.There++
		default:
			steps = append(steps, p)
		}
		if settled := i + 1 - len(steps); settled > 0 && (i+1 == len(r.Files) || (i+1)%batch == 0) {
			r.progress(settled)
		}
	}
	return steps, nil
}

// plan finds a free name for a file, or the one under which it was sorted before.
func (r *work) plan(f File) (_ planned, there bool, err error) {
	if err := f.check(r.Mode); err != nil {
		return planned{}, false, err
	}
	before, known := r.earlier.place(f, r.Mode)
	known = known && !r.planned[before]
	e := entry{Step: r.Mode, From: []byte(f.Name), Size: f.Size, Modified: time.Now().UnixNano()}
	if f.Name == "" {
		if !f.Modified.IsZero() {
			e.Modified = f.Modified.UnixNano()
		}
		e.heldBy(f.Holder)
	} else {
		stat, err := os.Lstat(f.Name)
		if err == nil && stat.Mode()&fs.ModeSymlink != 0 {
			if r.Mode == Move {
				return planned{}, false, errors.New("it is a symbolic link, which may be broken in another folder: move its target")
			}
			stat, err = os.Stat(f.Name)
		}
		if errors.Is(err, fs.ErrNotExist) && known {
			r.reserve(before)
			return planned{}, true, nil
		}
		if err != nil {
			return planned{}, false, err
		}
		if err := r.once(f); err != nil {
			return planned{}, false, err
		}
		e.Size, e.Modified = stat.Size(), stat.ModTime().UnixNano()
	}
	if known {
		there := r.same(f, filepath.Join(r.folder, before))
		if half := r.Mode == Move && twice(f.Name, filepath.Join(r.folder, before)); there || half {
			r.reserve(before)
			e.To = []byte(before)
			return planned{f, e, half}, there, nil
		}
	}
	to, there, err := r.name(f)
	e.To = []byte(to)
	return planned{file: f, entry: e}, there, err
}

// once fails for a file to be moved if it is one of those before, reached through a link to its folder.
func (r *work) once(f File) error {
	if r.Mode != Move {
		return nil
	}
	if r.moving == nil {
		r.moving, r.real = map[string]string{}, map[string]string{}
	}
	folder, base := filepath.Split(f.Name)
	real, known := r.real[folder]
	if !known {
		var err error
		if real, err = filepath.EvalSymlinks(folder); err != nil {
			return err
		}
		r.real[folder] = real
	}
	name := filepath.Join(real, base)
	if other, twice := r.moving[name]; twice {
		return fmt.Errorf("it is %s, reached through a link to a folder, and can only be moved once", other)
	}
	r.moving[name] = f.Name
	return nil
}

// check fails for a file that the mode cannot sort.
func (f *File) check(mode Mode) error {
	switch {
	case f.Name == "" && mode != Copy:
		return errors.New("it shares a file with others: it can only be copied")
	case f.Name != "" && !filepath.IsAbs(f.Name):
		return fmt.Errorf("its Name %q is not an absolute path", f.Name)
	case f.Read == nil && mode == Copy:
		return errors.New("it has no Read, which gives the content to copy")
	case !filepath.IsLocal(f.To):
		return fmt.Errorf("%q points outside the folder", f.To)
	case f.Else != "" && !filepath.IsLocal(f.Else):
		return fmt.Errorf("%q points outside the folder", f.Else)
	}
	return nil
}

// names are the names to try for a file, in order.
func (f *File) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range [...]string{f.To, f.Else} {
			for n := 1; name != "" && n <= placing.Tries; n++ {
				if !yield(placing.Numbered(name, n)) {
					return
				}
			}
		}
	}
}

// reserve takes a name below the folder for a file.
func (r *work) reserve(to string) {
	r.planned[to], r.alike[placing.Alike(to)] = true, true
}

// name reserves the first name for a file that is free, or that is already what the step would make of it. A name is not free if one that differs from it
// only in case is reserved or was made by an earlier sorting: many file systems take both for one.
func (r *work) name(f File) (_ string, there bool, err error) {
	for to := range f.names() {
		if alike := placing.Alike(to); r.planned[to] || r.earlier.at[to] == nil && (r.alike[alike] || r.earlier.alike[alike]) {
			continue
		}
		_, err := os.Lstat(filepath.Join(r.folder, to))
		switch free := errors.Is(err, fs.ErrNotExist); {
		case err != nil && !free:
			return "", false, err
		case free, r.same(f, filepath.Join(r.folder, to)):
			r.reserve(to)
			return to, !free, nil
		}
	}
	return "", false, fmt.Errorf("%d similar names are used by other files: sort into another folder, or give the files other names", placing.Tries)
}

// same reports whether a name is already what the step would make of it.
func (r *work) same(f File, to string) bool {
	switch r.Mode {
	case Link:
		target, err := os.Readlink(to)
		return err == nil && target == f.Name
	case Hardlink:
		return sameFile(f.Name, to)
	case Copy:
		stat, err := os.Lstat(to)
		if err != nil || !stat.Mode().IsRegular() || stat.Size() != f.Size {
			return false
		}
		content, err := f.Read()
		if err != nil {
			return false
		}
		there, err := regular.Read(to)
		return err == nil && bytes.Equal(there, content)
	}
	return false
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Lstat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
