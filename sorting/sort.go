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
	"iconic/internal/placing"
	"iconic/internal/regular"
	"iconic/option"
)

// Mode is what a sorting does with the files.
type Mode string

const (
	Copy     Mode = "copy"     // copies with the modification times of the originals
	Link     Mode = "link"     // symbolic links to the originals
	Hardlink Mode = "hardlink" // second names for the same files, on the same file system
	Move     Mode = "move"     // the files themselves, removed from their old places
)

// known reports whether m is one of the modes.
func (m Mode) known() bool {
	switch m {
	case Copy, Link, Hardlink, Move:
		return true
	}
	return false
}

// File is a file to be sorted.
type File struct {
	Name   string // absolute path; "": it is in an archive and can only be copied
	Holder string // absolute path of that archive; "": it is not on disk, or not known
	To     string // path below the folder; a number is added to a name in use, also by one that differs only in case or in Unicode's composition
	Size   int64

	Modified time.Time // when a file without Name was last written; zero: not known, so that its copy has the time of copying

	// Read returns its content; needed by Copy.
	Read func() ([]byte, error)
}

// Sorting holds the settings of Run.
type Sorting struct {
	Folder string // not ""; created if missing; its parent must exist
	Mode   Mode
	Files  []File

	Progress func(done, total int)
	// Step is called before every change of the file system, for tests; an error stops everything at once, like a kill.
	Step func() error
}

// Result is the result of a sorting.
type Result struct {
	Placed int // in this call
	There  int // already in place, from an earlier call
	Failed []Failure
	Torn   bool // the journal's last line was truncated and is ignored: none of it had been done
}

// Failure is a file that could not be sorted, and the reason.
type Failure struct {
	File string
	Err  error
}

// batch is the number of steps recorded at once.
const batch = 256

// Run sorts the files. A file that cannot be sorted does not stop the others. The same call may be repeated, also after a kill: files
// already in place are left unchanged. If files of an earlier sorting into the folder would be left among those of this one, in other places
// or made by another mode, nothing is done, and the error is an EarlierError. An unknown Mode and a Folder "" are an option.Error.
func (s *Sorting) Run(ctx context.Context) (r *Result, err error) {
	if !s.Mode.known() {
		return nil, option.Errorf("Mode", "mode %q is unknown: choose %s, %s, %s or %s", s.Mode, Copy, Link, Hardlink, Move)
	}
	if s.Folder == "" {
		return nil, option.Errorf("Folder", "there is no folder to sort into: name one")
	}
	folder, err := filepath.Abs(s.Folder)
	if err != nil {
		return nil, err
	}
	w := &work{Sorting: s, folder: folder, result: new(Result), planned: map[string]bool{}, alike: map[string]bool{}, changed: map[string]bool{}, made: map[string]bool{}}
	if err := w.begin(); err != nil {
		return nil, fmt.Errorf("sort into %s: %w", s.Folder, err)
	}
	defer func() { err = errors.Join(err, w.journal.close()) }()
	steps, err := w.plans(ctx)
	if err != nil {
		return w.result, err
	}
	if left := w.earlier.left(w.planned); left != nil {
		return nil, fmt.Errorf("sort into %s: %w", s.Folder, left)
	}
	for lo := 0; lo < len(steps); lo += batch {
		if err := ctx.Err(); err != nil {
			return w.result, err
		}
		hi := min(lo+batch, len(steps))
		if err := w.batch(steps[lo:hi]); err != nil {
			return w.result, fmt.Errorf("sort into %s: %w", s.Folder, err)
		}
		s.progress(len(s.Files) - len(steps) + hi)
	}
	return w.result, nil
}

// Left returns the EarlierError with which Run would do nothing; nil: it would begin. Nothing is changed. A Mode "" is that of the earlier sorting.
// Files that were copied before are read and compared, as Run does. A Folder "" is an option.Error.
func (s *Sorting) Left(ctx context.Context) (*EarlierError, error) {
	if s.Folder == "" {
		return nil, option.Errorf("Folder", "there is no folder to sort into: name one")
	}
	before, err := readEarlier(s.Folder)
	if err != nil || len(before.steps) == 0 {
		return nil, err
	}
	as := *s
	if as.Mode == "" {
		as.Mode = before.mode()
	}
	w := &work{Sorting: &as, folder: before.folder, result: new(Result), planned: map[string]bool{}, alike: map[string]bool{}, earlier: before}
	if _, err := w.plans(ctx); err != nil {
		return nil, err
	}
	return before.left(w.planned), nil
}

func (s *Sorting) progress(done int) {
	if s.Progress != nil {
		s.Progress(done, len(s.Files))
	}
}

// work is the state of one call.
type work struct {
	*Sorting
	folder  string
	journal *journal
	result  *Result
	planned map[string]bool // names below the folder that are reserved
	alike   map[string]bool // placing.Alike of those names
	made    map[string]bool // new folders that are recorded
	changed map[string]bool // folders whose times are recorded
	earlier *earlier
}

// begin opens the folder and its journal.
func (r *work) begin() error {
	var first []entry
	parent := filepath.Dir(r.folder)
	for _, f := range []string{parent, r.folder} {
		if stat, err := os.Stat(f); err == nil {
			if !stat.IsDir() {
				return fmt.Errorf("%s is a file, not a folder", f)
			}
			first = append(first, entry{Times: []byte(f), Modified: stat.ModTime().UnixNano()})
		} else if f == parent || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(first) < 2 {
		if err := r.step(); err != nil {
			return err
		}
		if err := os.Mkdir(r.folder, 0o755); err != nil {
			return err
		}
		first = append(first, entry{Made: []byte(".")})
	}
	var err error
	if r.journal, err = openJournal(r.folder); err != nil {
		return err
	}
	r.result.Torn = r.journal.torn
	r.journal.sweep(r.folder)
	r.earlier = earlierIn(r.folder, r.journal.entries)
	if len(r.journal.entries) == 0 {
		if err := r.journal.write(first); err != nil {
			return errors.Join(err, r.journal.close())
		}
	}
	return nil
}

func (r *work) step() error {
	return stopping(r.Step)()
}

// stoppedError is an error of a Step.
type stoppedError struct{ error }

func (e *stoppedError) Unwrap() error { return e.error }

// stopping marks the errors of step as ones that end everything.
func stopping(step func() error) func() error {
	return func() error {
		if step == nil {
			return nil
		}
		if err := step(); err != nil {
			return &stoppedError{err}
		}
		return nil
	}
}

func stopped(err error) bool {
	var s *stoppedError
	return errors.As(err, &s)
}

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

// batch records some steps, and takes them.
func (r *work) batch(steps []planned) error {
	var notes []entry
	folders := map[string]bool{}
	for _, p := range steps {
		notes = append(notes, r.making(filepath.Dir(string(p.To)), folders)...)
		if from := filepath.Dir(p.file.Name); r.Mode == Move && !r.changed[from] {
			folders[from], r.changed[from] = true, true
		}
	}
	times, err := r.journal.timesOf(folders)
	if err != nil {
		return err
	}
	for _, p := range steps {
		notes = append(notes, p.entry)
	}
	if err := r.step(); err != nil {
		return err
	}
	if err := r.journal.write(append(times, notes...)); err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, p := range steps {
		if err := r.step(); err != nil {
			return err
		}
		err := r.do(p)
		if stopped(err) {
			return err
		}
		if err != nil {
			r.fail(p.file, err)
			continue
		}
		r.result.Placed++
		touched[filepath.Dir(filepath.Join(r.folder, string(p.To)))] = true
	}
	for folder := range touched {
		if err := atomicfile.SyncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func (r *work) fail(f File, err error) {
	r.result.Failed = append(r.result.Failed, Failure{f.To, err})
}

// making lists the folders that must be created for a folder below the root; those that exist already are added to others.
func (r *work) making(folder string, others map[string]bool) (entries []entry) {
	for ; folder != "."; folder = filepath.Dir(folder) {
		if r.made[folder] {
			break
		}
		r.made[folder] = true
		if _, err := os.Lstat(filepath.Join(r.folder, folder)); errors.Is(err, fs.ErrNotExist) {
			entries = append(entries, entry{Made: []byte(folder)})
		} else {
			others[filepath.Join(r.folder, folder)] = true
		}
	}
	slices.Reverse(entries)
	return entries
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
	}
	return nil
}

// reserve takes a name below the folder for a file.
func (r *work) reserve(to string) {
	r.planned[to], r.alike[placing.Alike(to)] = true, true
}

// name reserves the first name for a file that is free, or that is already what the step would make of it. A name is not free if one that differs from it
// only in case is reserved or was made by an earlier sorting: many file systems take both for one.
func (r *work) name(f File) (_ string, there bool, err error) {
	for n := 1; n <= placing.Tries; n++ {
		to := placing.Numbered(f.To, n)
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
	return "", false, fmt.Errorf("%d similar names are used by other files", placing.Tries)
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

// do takes one recorded step.
func (r *work) do(p planned) error {
	to := filepath.Join(r.folder, string(p.To))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	switch r.Mode {
	case Link:
		return os.Symlink(p.file.Name, to)
	case Hardlink:
		name, err := filepath.EvalSymlinks(p.file.Name) // the file itself, not a link to it
		if err != nil {
			return err
		}
		return os.Link(name, to)
	case Copy:
		content, err := p.file.Read()
		if err != nil {
			return err
		}
		return atomicfile.WriteNew(to, content, p.modified())
	case Move:
		if p.half {
			return r.other(p.file.Name, to)
		}
		return move(p.file.Name, to, r.step)
	}
	return fmt.Errorf("mode %q is unknown", r.Mode)
}

// other takes the second step of a move that was killed after its first one.
func (r *work) other(from, to string) error {
	stat, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.Chmod(to, stat.Mode().Perm()); err != nil { // across may have been killed before this
		return err
	}
	if err := r.step(); err != nil {
		return err
	}
	return os.Remove(from)
}

// twice reports whether a regular file has two names, or there is a copy of it: removing one leaves the other.
func twice(a, b string) bool {
	x, errX := os.Lstat(a)
	y, errY := os.Lstat(b)
	if errX != nil || errY != nil || !x.Mode().IsRegular() || !y.Mode().IsRegular() || !apart(a, b) {
		return false
	}
	return os.SameFile(x, y) || x.Size() == y.Size() && equal(a, b)
}

// equal reports whether two files have the same bytes.
func equal(a, b string) bool {
	x, errX := regular.Read(a)
	y, errY := regular.Read(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// apart reports whether two names are of different files or are two hard links of one, and not one name reached through a symbolic link.
func apart(a, b string) bool {
	x, errX := filepath.EvalSymlinks(a)
	y, errY := filepath.EvalSymlinks(b)
	return errX == nil && errY == nil && x != y
}

// move gives a file a new, unused name; between the two steps it has both.
func move(from, to string, step func() error) error {
	if err := os.Link(from, to); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// Another file system, or one without hard links.
		if err := across(from, to); err != nil {
			return err
		}
	}
	if err := step(); err != nil {
		return err
	}
	return os.Remove(from)
}

// across copies a file with its time and permissions to an unused name.
func across(from, to string) error {
	stat, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := regular.Read(from)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteNew(to, content, stat.ModTime()); err != nil {
		return err
	}
	return os.Chmod(to, stat.Mode().Perm())
}
