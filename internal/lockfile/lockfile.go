// Package lockfile keeps processes out of each other's way in a folder, by a lock on a file there. The system drops the lock of a
// process that ends, however it ends; the file stays, and means nothing. It is made for every user, less the umask, so that folders
// that are shared can be locked by all who may write to them.
package lockfile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// ErrBusy is in the chain of Try's error where another process, or another lock of this one, holds the file.
var ErrBusy = errors.New("is in use by another process")

// Try locks the file called name, which it makes if need be; its folder must be there. Unlock it after use.
func Try(name string) (unlock func() error, err error) {
	lock := flock.New(name, flock.SetPermissions(0o666))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, errors.Join(err, lock.Close())
	case !ok:
		return nil, errors.Join(fmt.Errorf("%s %w", name, ErrBusy), lock.Close())
	}
	return lock.Close, nil
}

// Wait is Try that waits for its turn until ctx ends. waiting, unless nil, is called once if there is somebody to wait for.
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
