package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"iconic/internal/regular"
)

// AttemptError says that a training cannot be continued because a file of its folder is damaged, missing, or of a newer version.
type AttemptError struct {
	Dir        string
	Checkpoint bool // it is the checkpoint, without which the training can start again
	Err        error
}

func (e *AttemptError) Error() string {
	what := "the folder " + e.Dir
	if e.Checkpoint {
		what = filepath.Join(e.Dir, checkpointFile)
	}
	return fmt.Sprintf("%v; remove %s to train from the start", e.Err, what)
}

func (e *AttemptError) Unwrap() error { return e.Err }

// CheckAttempt fails if a training could neither begin in a folder nor continue the one in it: with an AttemptError if a file in it cannot be read. It
// does not ask which training is there.
func CheckAttempt(dir string) error {
	if err := regular.CheckLink(dir); err != nil {
		return err
	}
	err := CheckFree(dir)
	if !errors.Is(err, ErrExists) {
		return err
	}
	r, err := LoadUnfinished(dir)
	if err != nil {
		return &AttemptError{Dir: dir, Err: err}
	}
	if r.Ended() {
		if _, err = Load(dir); err != nil {
			return &AttemptError{Dir: dir, Err: err}
		}
		return nil
	}
	if _, err = LoadCheckpoint(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &AttemptError{dir, true, err}
	}
	return nil
}
