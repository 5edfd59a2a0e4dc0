package relay

import "context"

// Relay passes functions to the goroutine that waits in Run.
type Relay struct {
	calls chan func()
	left  chan struct{} // closed when Run returns, or a function does not come back
}

// Run calls work on a goroutine of its own and returns its error. Until work has ended, it calls on this goroutine what work passes to Do. If such a function
// panics or ends the goroutine, as t.FailNow does, the context of work ends, and Run leaves once work has ended.
func Run(ctx context.Context, work func(ctx context.Context, r *Relay) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Relay{calls: make(chan func()), left: make(chan struct{})}
	ended := make(chan struct{})
	defer func() {
		close(r.left)
		cancel()
		<-ended
	}()
	go func() {
		defer close(ended)
		err = work(ctx, r)
	}()
	for {
		select {
		case call := <-r.calls:
			call()
		case <-ended:
			return err
		}
	}
}

// Do calls f on the goroutine of Run, one function at a time, and returns when it has been called; after one that has not come back, it calls none. f may
// not call Do.
func (r *Relay) Do(f func()) {
	called := make(chan struct{})
	select {
	case r.calls <- func() { defer close(called); f() }:
		<-called
	case <-r.left:
	}
}
