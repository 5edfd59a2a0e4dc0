package parallel

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Workers is the number of goroutines for a caller that asked for n: n itself, or the number of processors if n < 1.
func Workers(n int) int {
	if n < 1 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}

// Each is the number of goroutines for each of several tasks that Blocks runs at once on the given number of workers, so that all have work if the
// tasks are fewer.
func Each(workers, tasks int) int { return Count(Workers(workers), max(1, tasks)) }

// Count is the number of blocks that Blocks makes of n items.
func Count(n, size int) int { return (n + size - 1) / size }

// Blocks splits n items into blocks [lo, hi) of size items (the last may be shorter) and calls work(block, lo, hi) once for each, on at
// most workers goroutines (the number of processors if workers < 1). It returns when all have ended. After the first error, or when ctx is
// done, no further block starts; Blocks returns the error of the lowest failed block, or ctx's.
func Blocks(ctx context.Context, workers, n, size int, work func(block, lo, hi int) error) error {
	count := Count(n, size)
	if workers = min(Workers(workers), count); workers <= 1 {
		for b := range count {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := work(b, b*size, min(n, (b+1)*size)); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	var (
		next   atomic.Int64
		failed atomic.Bool
		wait   sync.WaitGroup
		mu     sync.Mutex
		first  error
		at     = count
	)
	for range workers {
		wait.Go(func() {
			for {
				b := int(next.Add(1)) - 1
				if b >= count || failed.Load() || ctx.Err() != nil {
					return
				}
				if err := work(b, b*size, min(n, (b+1)*size)); err != nil {
					failed.Store(true)
					mu.Lock()
					if b < at {
						at, first = b, err
					}
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if first != nil {
		return first
	}
	return ctx.Err()
}
