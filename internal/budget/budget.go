package budget

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// ErrTooLarge says that a single request exceeds the whole budget.
var ErrTooLarge = errors.New("more than the memory budget")

// Budget is a number of bytes that several goroutines share. Requests are served in order, so that large ones are not starved by small
// ones.
type Budget struct {
	total int64
	sem   *semaphore.Weighted
}

// New makes a budget of total bytes; less than 1 means Default().
func New(total int64) *Budget {
	if total < 1 {
		total = Default()
	}
	return &Budget{total: total, sem: semaphore.NewWeighted(total)}
}

// Total is the size of the budget in bytes.
func (b *Budget) Total() int64 { return b.total }

// Take waits until bytes are free and takes them. It fails when ctx ends first, or with ErrTooLarge.
func (b *Budget) Take(ctx context.Context, bytes int64) error {
	if err := b.fits(bytes); err != nil {
		return err
	}
	return b.sem.Acquire(ctx, bytes)
}

// TryTake takes bytes if they are free now, and reports whether they were. It fails with ErrTooLarge if they can never be.
func (b *Budget) TryTake(bytes int64) (bool, error) {
	if err := b.fits(bytes); err != nil {
		return false, err
	}
	return b.sem.TryAcquire(bytes), nil
}

// Give gives back bytes that were taken.
func (b *Budget) Give(bytes int64) { b.sem.Release(bytes) }

func (b *Budget) fits(bytes int64) error {
	if bytes < 0 || bytes > b.total {
		return fmt.Errorf("%s are needed, %w of %s", Format(bytes), ErrTooLarge, Format(b.total))
	}
	return nil
}
