package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"iconic/head"
	"iconic/head/methods"
	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
	"iconic/internal/regular"
)

// FullError says that there was no room for a file of a run folder (see atomicfile.Full). What is there already is kept.
type FullError struct{ Err error }

func (e *FullError) Error() string { return e.Err.Error() }

func (e *FullError) Unwrap() error { return e.Err }

// TooLarge reports whether the system allows no file as large, although the disk may have room.
func (e *FullError) TooLarge() bool { return atomicfile.TooLarge(e.Err) }

// full makes the error for a file that had no room a FullError.
func full(err error) error {
	if atomicfile.Full(err) {
		return &FullError{err}
	}
	return err
}

// failed is the error of a training that did not end, with what its reader needs; it tells what one has kept that was interrupted, or had no room.
func (t *Training) failed(ctx context.Context, kept *keeper, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		t.Hooks.Notef("%s", kept.account(t.Config.Method, "finished"))
		_ = KeepTimes(t.Dir, t.Clock.Times()) // the training can be resumed without them
	case atomicfile.Full(err):
		t.Hooks.Notef("%s", kept.account(t.Config.Method, "saved"))
	case errors.Is(err, head.ErrOtherState):
		return fmt.Errorf("checkpoint %s: %w; remove it and train from the start", filepath.Join(t.Dir, checkpointFile), err)
	}
	return t.whose(ctx, err)
}

// lock makes a run folder, if necessary, keeps other trainings out of it, and removes what a killed one was writing: a finished run is not written into.
func lock(dir string) (unlock func() error, err error) {
	if err := regular.MakeFolder(dir, 0o755); err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	unlock, err = lockfile.Try(filepath.Join(dir, ".lock"))
	if errors.Is(err, lockfile.ErrBusy) {
		return nil, fmt.Errorf("%w in %s", ErrBusy, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	atomicfile.Sweep(dir)
	return unlock, nil
}

// keeper writes the checkpoints of a training: only as often as pays off, but always at an interrupt.
type keeper struct {
	dir   string
	last  time.Time
	phase head.State // names and steps of the last state written, in this process or an earlier one, without numbers
	ended bool       // the training has ended, and its results are written, except for scores and page

	unchanged func() error // fails if a state belongs to other features than those of the training; nil: never
}

func (k *keeper) save(s *head.State, now bool) error {
	const every = time.Second
	if !now && time.Since(k.last) < every {
		return nil
	}
	if k.unchanged != nil {
		if err := k.unchanged(); err != nil {
			return err
		}
	}
	if err := SaveCheckpoint(k.dir, s); err != nil {
		return err
	}
	k.last = time.Now()
	k.note(s)
	return nil
}

// note remembers which state is written; nil: none.
func (k *keeper) note(s *head.State) {
	if s == nil {
		return
	}
	k.phase = head.State{}
	for _, p := range s.Phases {
		p.Tensors = nil
		k.phase.Phases = append(k.phase.Phases, p)
	}
}

// account says in one sentence what a training has kept that stopped; what says what would be kept of a step.
func (k *keeper) account(method, what string) string {
	if k.ended {
		return fmt.Sprintf("the training in %s has ended; its scores and its page are made when it is resumed", k.dir)
	}
	if n := len(k.phase.Phases); n > 0 {
		p := k.phase.Phases[n-1]
		return fmt.Sprintf("the training is saved in %s at step %d of %d (%s), and continues from there when it is resumed", k.dir, p.Step, p.Steps, p.Name)
	}
	if m, err := methods.Find(method); err == nil && m.About().Closed {
		return fmt.Sprintf("method %s computes in one piece, and starts again when it is resumed", method)
	}
	return fmt.Sprintf("no step of the training was %s: it starts again when it is resumed", what)
}
