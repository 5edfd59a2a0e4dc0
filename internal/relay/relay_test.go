package relay

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crowd passes f to Do a hundred times from each of four goroutines.
func crowd(f func()) func(ctx context.Context, r *Relay) error {
	return func(ctx context.Context, r *Relay) error {
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for range 100 {
					r.Do(f)
				}
			})
		}
		wait.Wait()
		return ctx.Err()
	}
}

func TestFunctionsAreCalledOneAtATime(t *testing.T) {
	n := 0 // without a lock, for the race detector
	if err := Run(t.Context(), crowd(func() { n++ })); err != nil || n != 400 {
		t.Errorf("%d calls, %v", n, err)
	}
	failed := errors.New("failed")
	if err := Run(t.Context(), func(context.Context, *Relay) error { return failed }); err != failed {
		t.Error(err)
	}
}

// A function that does not come back ends the work, which Run waits for, and no other is called after it.
func TestFunctionsThatDoNotComeBack(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("left") }, "exit": runtime.Goexit} {
		n, returned, worked := 0, false, false
		var recovered any
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() { recovered = recover() }()
			_ = Run(t.Context(), func(ctx context.Context, r *Relay) error {
				err := crowd(func() {
					if n++; n == 7 {
						leave()
					}
				})(ctx, r)
				for range 1000 { // the work takes a little longer
					runtime.Gosched()
				}
				worked = true
				return err
			})
			returned = true
		}()
		<-ended
		if n != 7 || returned || !worked || (name == "panic") != (recovered == "left") {
			t.Errorf("%s: %d calls, returned %t, the work ended %t, recovered %v", name, n, returned, worked, recovered)
		}
	}
}

func TestTheContextReachesTheWork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, func(ctx context.Context, r *Relay) error {
		r.Do(cancel)
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
