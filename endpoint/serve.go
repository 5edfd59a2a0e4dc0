package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"iconic/classify"
	"iconic/extract/pixels"
)

// Of makes a Model from a run in use.
func Of(m *classify.Model) Model { return served{m} }

type served struct{ *classify.Model }

// check refuses a model that does not exist or has no encoder.
func (s served) check() error {
	switch {
	case s.Model == nil:
		return errors.New("there is no model to serve")
	case s.Images == nil || s.Images.Dim() == 0:
		return errors.New("the model has no encoder, so it cannot classify images: open it with classify.Open")
	}
	return nil
}

func (s served) Classify(ctx context.Context, prepared []float32, n int) ([]classify.Prediction, error) {
	return s.Prepared(ctx, prepared, n)
}

func (s served) Prepare(ctx context.Context, dst []float32, content []byte, maxPixels int, scratch *pixels.Scratch) error {
	return s.Images.Prepare(ctx, dst, content, maxPixels, scratch)
}

func (s served) Pixels() int { return s.Images.Pixels() }

// WarmUp runs the encoder on one image and on as many as a batch can have, so that the first request does not pay for its first runs.
func (e *Endpoint) WarmUp(ctx context.Context) error {
	for _, n := range []int{1, min(e.options.Batch, e.options.Places)} {
		if _, err := e.model.Classify(ctx, make([]float32, n*e.model.Pixels()), n); err != nil {
			return fmt.Errorf("the first run of the encoder: %w", err)
		}
	}
	return nil
}

// Limits on the connections that idle and slow clients can hold: in total, and for one address.
const (
	maxConnections = 2048
	maxOfAddress   = 512
)

// Serving says where an endpoint is served, and how it ends.
type Serving struct {
	Listener net.Listener  // for requests
	Health   net.Listener  // for /healthz and /metrics only; nil: no separate listener
	Drain    time.Duration // how long requests in progress may take after the context has ended
	Ending   func()        // called when that wait begins; nil: not called
}

// Serve answers requests until ctx ends, then finishes the requests in progress, and returns nil. It fails without a listener, if a listener
// does, if requests were not answered within s.Drain, and on an endpoint that has ended. The listeners are closed when it returns.
func (e *Endpoint) Serve(ctx context.Context, s Serving) error {
	if s.Listener == nil {
		return errors.Join(errNoListener, shut(s.Health))
	}
	if e.ending.Err() != nil {
		return errors.Join(errors.New("the endpoint has ended: serve another one, which New makes"), shut(s.Listener), shut(s.Health))
	}
	o := e.options
	server := &http.Server{
		Handler: e, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: o.Body + 5*time.Second, WriteTimeout: o.Body + o.Answer + 10*time.Second,
		IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx, for the requests in progress
	var running sync.WaitGroup
	running.Go(func() { e.Run(work) })
	defer running.Wait()
	defer stop()

	failed := make(chan error, 2)
	if s.Health != nil {
		watch := &http.Server{Handler: e.Health(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second}
		running.Go(func() {
			if err := watch.Serve(s.Health); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
		defer watch.Close()
	}
	running.Go(func() { failed <- server.Serve(newBounded(s.Listener, maxConnections, maxOfAddress)) })
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	e.End()
	if s.Ending != nil {
		s.Ending()
	}
	drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	if err := server.Shutdown(drained); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("some requests were not answered within %s of the shutdown and were cut off: allow more time for them", s.Drain)
		}
		return errors.Join(err, server.Close())
	}
	return nil
}

// errNoListener refuses to serve nowhere.
var errNoListener = errors.New("there is no listener for requests")

// shut closes a listener, if there is one.
func shut(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// ServeHandler serves the pages of h to people until ctx ends, then finishes the requests in progress. It fails without a listener or a handler. The listener
// is closed when it returns.
func ServeHandler(ctx context.Context, listener net.Listener, h http.Handler) error {
	if listener == nil {
		return errNoListener
	}
	if h == nil {
		return errors.Join(errors.New("there is no handler of requests"), shut(listener))
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(newBounded(listener, maxConnections, maxOfAddress)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(ending)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-failed
	return err
}

// Hosts are the names by which clients reach a server that listens only on this machine; nil for one that other machines reach, under names
// that it does not know. Options.Hosts takes them.
func Hosts(a net.Addr) []string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return []string{"localhost", "127.0.0.1", "::1", tcp.IP.String()}
	}
	return nil
}
