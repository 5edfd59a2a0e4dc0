package sorting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"iconic/extract/store"
	"iconic/internal/atomicfile"
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
	// Else is the path below the folder that is used once To and all numbered names after it are in use; "": the file is not placed then.
	Else string
	Size int64

	Modified time.Time // when a file without Name was last written; zero: not known, so that its copy has the time of copying

	// Read returns its content; needed by Copy.
	Read func() ([]byte, error)
	// Hash is that of the content by which its place is known, and a file with other content is not placed (ErrChanged); zero: not known, so that a file is not
	// placed if it is written after the sorting was planned.
	Hash store.Hash
	// Unwritten reports that the file system knows of no change to the file since its content had that Hash; nil: only the content tells. Copies are compared
	// by their content in any case, other modes read a file only if this is false.
	Unwritten func() bool
}

// Sorting holds the settings of Run.
type Sorting struct {
	Folder string // not ""; created if missing; its parent must exist
	Mode   Mode
	Files  []File
	// Clusters, unless nil, are those by which the files are put into the folder; Run fails if others were sorted into it by other ones (Check).
	Clusters *Clusters

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
// or made by another mode, nothing is done, and the error is an EarlierError; if the
// folder takes images by other clusters, it is that of Check. An unknown Mode, one that is possible for none of the files and a Folder "" are an option.Error.
func (s *Sorting) Run(ctx context.Context) (r *Result, err error) {
	if !s.Mode.known() {
		return nil, option.Errorf("Mode", "mode %q is unknown: choose %s, %s, %s or %s", s.Mode, Copy, Link, Hardlink, Move)
	}
	if s.Folder == "" {
		return nil, option.Errorf("Folder", "there is no folder to sort into: name one")
	}
	if err := s.possible(); err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(s.Folder)
	if err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, s.refusal(ctx, err)
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
	defer func() { err = errors.Join(err, w.settle(nil)) }()
	if err := w.claim(); err != nil {
		return nil, fmt.Errorf("sort into %s: %w", s.Folder, err)
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

// possible refuses a mode that needs separate files if there is none.
func (s *Sorting) possible() error {
	if s.Mode == Copy || s.Mode == "" || len(s.Files) == 0 || slices.ContainsFunc(s.Files, func(f File) bool { return f.Name != "" }) {
		return nil
	}
	return option.Errorf("Mode", "mode %q needs separate files, and the images share theirs, such as an archive: they can only be copied", s.Mode)
}

// refusal is an EarlierError if there is one, which has the count of files that would be left, or else the error of Check.
func (s *Sorting) refusal(ctx context.Context, other error) error {
	left, err := s.Left(ctx)
	switch {
	case err != nil:
		return err
	case left != nil:
		other = left
	}
	return fmt.Errorf("sort into %s: %w", s.Folder, other)
}

// claim records the clusters in the folder. Others cannot claim it until the first subfolder is made (settle).
func (r *work) claim() (err error) {
	if r.Clusters == nil {
		return nil
	}
	if err := r.step(); err != nil {
		return err
	}
	r.release, err = r.Clusters.claim(r.Folder, r.earlier)
	return err
}

// settle makes the folder of the first step, if there is one, after which the claim need not be held any longer. Whether that can be done is told for each file.
func (r *work) settle(steps []planned) error {
	if r.release == nil {
		return nil
	}
	if len(steps) > 0 {
		_ = os.MkdirAll(filepath.Join(r.folder, filepath.Dir(string(steps[0].To))), 0o755)
	}
	release := r.release
	r.release = nil
	return release()
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
	planned map[string]bool   // names below the folder that are reserved
	alike   map[string]bool   // placing.Alike of those names
	moving  map[string]string // names of files that are to be moved, by those without links to folders
	real    map[string]string // folders without links, by name
	made    map[string]bool   // new folders that are recorded
	changed map[string]bool   // folders whose times are recorded
	earlier *earlier
	release func() error // of the claim, while it is held
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
		if err := os.Mkdir(r.folder, 0o755); err == nil {
			first = append(first, entry{Made: []byte(".")})
		} else if _, serr := os.Stat(r.folder); serr != nil { // otherwise another process has just made it
			return err
		}
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
	if err := r.settle(steps); err != nil {
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

// do takes one recorded step.
func (r *work) do(p planned) error {
	to := filepath.Join(r.folder, string(p.To))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if r.Mode == Move && p.half {
		return r.other(p.file.Name, to)
	}
	if r.Mode == Copy {
		return p.copy(to)
	}
	seen, err := p.intact(r.Mode)
	if err != nil {
		return err
	}
	switch r.Mode {
	case Link:
		return os.Symlink(p.file.Name, to)
	case Hardlink:
		return hardlink(p.file.Name, to, seen)
	case Move:
		return move(p.file.Name, to, seen, r.step)
	}
	return fmt.Errorf("mode %q is unknown", r.Mode)
}

// copy writes the content that belongs there under an unused name.
func (p *planned) copy(to string) error {
	content, err := verified(p.file.Read, p.file.Hash)
	if err != nil {
		return err
	}
	if _, err := p.intact(Copy); err != nil { // after reading: it may have been written meanwhile
		return err
	}
	return atomicfile.WriteNew(to, content, p.modified())
}

// hardlink gives a file, or the one to which it is a link, a second, unused name. It must still be as it was seen.
func hardlink(from, to string, seen fs.FileInfo) error {
	name, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	if err := os.Link(name, to); err != nil {
		return err
	}
	if now, err := os.Lstat(to); err != nil || !unwritten(now, seen) {
		return errors.Join(ErrChanged, os.Remove(to))
	}
	return nil
}
