package lockfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// ErrBusy is in the chain of Try's error if another process, or another lock of this one, holds the file.
var ErrBusy = errors.New("is in use by another process")

// Try locks the file called name, creating it if necessary; its folder must exist. Unlock it after use.
func Try(name string) (unlock func() error, err error) { return try(name, (*flock.Flock).TryLock) }

// Share is Try for users who only need the folder to stay: several may hold the file at once, while nobody has locked it exclusively.
func Share(name string) (unlock func() error, err error) { return try(name, (*flock.Flock).TryRLock) }

func try(name string, lock func(*flock.Flock) (bool, error)) (unlock func() error, err error) {
	const tries = 100
	for range tries {
		l := flock.New(name, flock.SetPermissions(0o666))
		switch ok, err := lock(l); {
		case err != nil:
			return nil, errors.Join(err, l.Close())
		case !ok:
			return nil, errors.Join(fmt.Errorf("%s %w", name, ErrBusy), l.Close())
		case named(l, name):
			return l.Close, nil
		}
		if err := l.Close(); err != nil { // the folder was removed between opening and locking the file
			return nil, err
		}
	}
	return nil, fmt.Errorf("another process removes %s as fast as it is created", name)
}

// named reports whether the locked file is still the one with that name.
func named(l *flock.Flock, name string) bool {
	locked, err := l.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(name)
	return err == nil && os.SameFile(locked, now)
}

// Wait is Try that waits for its turn until ctx ends. waiting, unless nil, is called once if the lock is held by another.
func Wait(ctx context.Context, name string, waiting func()) (unlock func() error, err error) {
	for {
		unlock, err := Try(name)
		if !errors.Is(err, ErrBusy) {
			return unlock, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
