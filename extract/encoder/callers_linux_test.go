package encoder

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// Go runs these goroutines on as many threads; the calls are made from others.
func TestCallsStayOnTheirThreads(t *testing.T) {
	for _, count := range []int{1, 2} {
		c := newCallers(count)
		var (
			mu      sync.Mutex
			starts  = map[int]bool{}
			threads = map[int]bool{}
			wait    sync.WaitGroup
		)
		for range 16 {
			wait.Go(func() {
				runtime.LockOSThread() // the thread ends with the goroutine, so that each has its own
				caller := syscall.Gettid()
				_ = c.do(func() error {
					mu.Lock()
					defer mu.Unlock()
					starts[caller], threads[syscall.Gettid()] = true, true
					return nil
				})
			})
		}
		wait.Wait()
		c.end()
		if len(starts) < 2 || len(threads) > count || len(threads) < 1 {
			t.Errorf("%d goroutines ran on %d threads, want at most %d", len(starts), len(threads), count)
		}
	}
}
