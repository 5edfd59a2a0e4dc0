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

// Holding is the bytes that one goroutine has taken from a budget. Call Release when they are no longer needed.
type Holding struct {
	budget *Budget
	bytes  int64
}

// Hold makes a Holding of no bytes.
func (b *Budget) Hold() *Holding { return &Holding{budget: b} }

// Raise makes the holding one of at least bytes if so many are free now, and reports whether it is. It fails with ErrTooLarge if they can
// never be.
func (h *Holding) Raise(bytes int64) (bool, error) {
	if h.bytes >= bytes {
		return true, nil
	}
	ok, err := h.budget.TryTake(bytes - h.bytes)
	if ok {
		h.bytes = bytes
	}
	return ok, err
}

// Await makes the holding one of at least bytes. If it is smaller, it first gives back all it has, so that no two goroutines wait for what the
// other holds: what was kept in those bytes must be dropped before. It fails as Take does, and the holding then has none.
func (h *Holding) Await(ctx context.Context, bytes int64) error {
	if h.bytes >= bytes {
		return nil
	}
	h.Release()
	if err := h.budget.Take(ctx, bytes); err != nil {
		return err
	}
	h.bytes = bytes
	return nil
}

// Release gives back all bytes.
func (h *Holding) Release() {
	h.budget.Give(h.bytes)
	h.bytes = 0
}
