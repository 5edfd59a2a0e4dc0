package sweep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/head"
	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/progress"
	"iconic/run"
)

// partialEnd ends the name of a run's folder until the run is complete.
const partialEnd = ".partial"

// RunError says that a run folder has something other than the run that belongs there. Nothing in it is changed.
type RunError struct {
	Dir string
	Err error
}

func (e *RunError) Error() string {
	return fmt.Sprintf("%v; remove the folder %s to make the run again", e.Err, e.Dir)
}

func (e *RunError) Unwrap() error { return e.Err }

// unfinished lists the unfinished runs, and reads those that this process has neither made nor read yet.
func (s *Sweep) unfinished(ctx context.Context) (left []*Job, err error) {
	for _, j := range s.Jobs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.metrics(j) != nil {
			continue
		}
		if there, err := s.finished(j); err != nil {
			return nil, err
		} else if !there {
			left = append(left, j)
		}
	}
	return left, nil
}

// finished reads a run if it is finished. It fails with a RunError if the folder, or that of an attempt, has another run, files of several runs, or
// damaged ones.
func (s *Sweep) finished(j *Job) (bool, error) {
	f, err := s.open(j)
	if err != nil {
		if err := s.unmade(j, err); err != nil {
			return false, &RunError{s.Folder(j), err}
		}
		return false, s.continues(j)
	}
	safe := s.options.Safe && !f.Table.Safe
	if safe {
		if err := f.MakeSafe(); err != nil {
			return false, err
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if j.Metrics = f.Metrics; safe {
		s.madeSafe++
	}
	return true, nil
}

// continues fails with a RunError if the folder of an attempt has something with which the run can neither begin nor continue. Another process may
// complete the attempt meanwhile.
func (s *Sweep) continues(j *Job) error {
	if _, err := os.Lstat(s.Folder(j)); err == nil { // the run is completed there
		return nil
	}
	partial := s.Folder(j) + partialEnd
	if _, err := os.Lstat(partial); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := run.CheckAttempt(partial)
	if _, gone := os.Lstat(partial); err == nil || errors.Is(gone, fs.ErrNotExist) {
		return nil
	}
	if attempt := new(run.AttemptError); errors.As(err, &attempt) {
		err = attempt.Err
	}
	return &RunError{partial, err}
}

// open reads the finished run of a job.
func (s *Sweep) open(j *Job) (*run.Finished, error) {
	f, err := run.Open(s.Folder(j))
	if err != nil {
		return nil, err
	}
	t := s.training(j, f.Dir)
	return f, t.MatchesScored(f)
}

// unmade is nil if a run that could not be opened can still be made, or completed, in its folder: there is none, or an empty one, or the run's
// training has not ended or was not scored. Otherwise it says why not; opening is the error of open.
func (s *Sweep) unmade(j *Job, opening error) error {
	dir := s.Folder(j)
	if errors.Is(opening, run.ErrUnfinished) || errors.Is(opening, run.ErrNoScores) {
		r, err := run.LoadUnfinished(dir)
		if err != nil {
			return err
		}
		t := s.training(j, dir)
		return t.Matches(r)
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := regular.CheckLink(dir); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil || slices.ContainsFunc(files, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") }) {
		return opening
	}
	return nil
}

// claims is the folder of the files with which runs are claimed. Whoever holds such a file removes it, so that none stays: another process that
// had opened it before then finds it gone, and makes a new one (package lockfile).
const claims = "claims"

// claimFile is the file with which a run is claimed.
func (s *Sweep) claimFile(j *Job) string {
	return filepath.Join(s.options.Dir, claims, j.Name+".lock")
}

// claim gives a job to this process until release; nil: another process has it.
func (s *Sweep) claim(j *Job) (release func() error, err error) {
	const tries = 100
	name := s.claimFile(j)
	for range tries {
		unlock, err := lockfile.Try(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // another process has removed the folder, which was empty
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return nil, err
			}
		case errors.Is(err, lockfile.ErrBusy):
			return nil, nil
		case err != nil:
			return nil, err
		default:
			return func() error { return errors.Join(os.Remove(name), unlock()) }, nil
		}
	}
	return nil, fmt.Errorf("another process removes %s as fast as it is created", filepath.Dir(name))
}

// tidy removes the claims that killed processes have left on the runs of this sweep, and then the folder of claims unless others use it.
func (s *Sweep) tidy() error {
	for _, j := range s.Jobs {
		if _, err := os.Lstat(s.claimFile(j)); err != nil {
			continue
		}
		release, err := s.claim(j)
		if err != nil {
			return err
		}
		if release != nil {
			if err := release(); err != nil {
				return err
			}
		}
	}
	_ = os.Remove(filepath.Join(s.options.Dir, claims)) // it stays while another sweep has claims there
	return nil
}

// training is the training of a job in a folder.
func (s *Sweep) training(j *Job, dir string) run.Training {
	return run.Training{
		Dir: dir, Features: j.set, Config: j.Config, Resume: true, Workers: 1, Safe: s.options.Safe,
		Shared: run.Shared{Graph: s.graph(j), Baseline: s.baseline},
		Hooks:  progress.Hooks{Note: func(text string) { s.tell(j, text, false) }, Warn: func(text string) { s.tell(j, text, true) }},
	}
}

// tell passes on a note or warning of a run with its name, notes once for all runs that make them. What a run found is in its results.
func (s *Sweep) tell(j *Job, text string, warning bool) {
	s.relay.Do(func() {
		switch {
		case warning:
			s.options.Hooks.Warnf("run %s: %s", j.Name, text)
		case !s.notes[text]:
			s.notes[text] = true
			s.options.Hooks.Notef("run %s: %s", j.Name, text)
		}
	})
}

// run makes one run folder. It grows under another name, continuing from where its last attempt stopped, and gets its final name when it is
// complete. If there is a folder with its final name, which is not complete, the run is completed there.
func (s *Sweep) run(ctx context.Context, j *Job) error {
	dir, partial := s.Folder(j), s.Folder(j)+partialEnd
	if _, err := os.Lstat(dir); err == nil {
		return s.complete(ctx, j, partial)
	}
	t := s.training(j, partial)
	m, err := t.Train(ctx)
	if other(err) { // the attempt is from an older version
		s.tell(j, "its attempt was begun by an earlier version, or with other settings: it is removed, and the run is made from the start", false)
		if err := os.RemoveAll(partial); err != nil {
			return err
		}
		m, err = t.Train(ctx)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	s.keep(j, m)
	return atomicfile.SyncFolder(filepath.Dir(dir))
}

// complete makes a run in its own folder, which lacks some of it, and then removes an attempt under another name, which is not needed any more.
func (s *Sweep) complete(ctx context.Context, j *Job, partial string) error {
	t := s.training(j, s.Folder(j))
	m, err := t.Train(ctx)
	if other(err) {
		return &RunError{t.Dir, err}
	}
	if err != nil {
		return err
	}
	s.keep(j, m)
	return os.RemoveAll(partial)
}

// other reports whether a folder's training cannot be continued because it is another one.
func other(err error) bool {
	other := new(run.OtherError)
	return errors.As(err, &other) || errors.Is(err, head.ErrOtherState)
}

// tellSafe notes how many finished runs have new tables.
func (s *Sweep) tellSafe() {
	if n := s.madeSafe; n > 0 {
		s.options.Hooks.Notef("%s assignments are written again, with an apostrophe before cells that a spreadsheet would read as formulas",
			plural.Of(n, "run was finished already: its", "runs were finished already: their"))
	}
	s.madeSafe = 0
}

// tellOthers notes how many runs of the folder belong to other sweeps.
func (s *Sweep) tellOthers() error {
	folder := filepath.Join(s.options.Dir, runsFolder)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range entries {
		own := slices.ContainsFunc(s.Jobs, func(j *Job) bool { return j.Name == e.Name() })
		if !own && !strings.HasSuffix(e.Name(), partialEnd) && run.Is(filepath.Join(folder, e.Name())) {
			n++
		}
	}
	if n > 0 {
		s.options.Hooks.Notef("%s in %s %s not in this table", plural.Of(n, "other run", "other runs"), folder, plural.Word(n, "is", "are"))
	}
	return nil
}
