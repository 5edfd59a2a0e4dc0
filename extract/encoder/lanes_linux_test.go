package encoder

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// Go runs these goroutines on as many threads; the calls are made on the lanes' own.
func TestCallsStayOnTheirThreads(t *testing.T) {
	for _, count := range []int{1, 2} {
		l := newLanes(count)
		var (
			mu      sync.Mutex
			callers = map[int]bool{}
			threads = map[int]bool{}
			wait    sync.WaitGroup
		)
		for range 16 {
			wait.Go(func() {
				runtime.LockOSThread() // the thread ends with the goroutine, so that each has its own
				caller := syscall.Gettid()
				_ = l.do(func() error {
					mu.Lock()
					defer mu.Unlock()
					callers[caller], threads[syscall.Gettid()] = true, true
					return nil
				})
			})
		}
		wait.Wait()
		l.end()
		if len(callers) < 2 || len(threads) > count || len(threads) < 1 {
			t.Errorf("%d callers ran on %d threads, want at most %d", len(callers), len(threads), count)
		}
	}
}
