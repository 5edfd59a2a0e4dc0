package encoder

import "runtime"

// callers are threads of the operating system, from which all runs of a session are called.
//
// ONNX Runtime keeps a stream of the GPU, and the memory that its runs took, for every thread that ever ran the session, until that thread ends
// (microsoft/onnxruntime, issue 29351). Go moves goroutines between threads as it likes: on an H100, a ViT-S in batches of 64 called from
// goroutines took 14 GB after ten seconds, and more with every second, but from one thread 1.7 GB throughout.
type callers struct {
	calls chan func()
	count int
}

func newCallers(count int) callers {
	c := callers{calls: make(chan func()), count: count}
	for range count {
		go func() {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			for call := range c.calls {
				call()
			}
		}()
	}
	return c
}

// do calls f from one of the threads and returns its error.
func (c callers) do(f func() error) (err error) {
	done := make(chan struct{})
	c.calls <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}

// end lets the threads end. No call may be in progress or follow.
func (c callers) end() { close(c.calls) }
