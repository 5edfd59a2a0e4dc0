package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/endpoint"
	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/internal/parallel"
	"iconic/run"
)

func newServeCommand(a *app) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve RUN",
		Short: "Answer over HTTP which cluster an image belongs to",
		Long: `Answer over HTTP which cluster an image belongs to.

POST an image to / and get JSON: cluster, name, confidence, runner-up, and whether it is like none of the training set.
GET / is the run's report, /healthz says whether the server works, /metrics is for Prometheus. It listens on this machine alone unless
--listen says otherwise; there is no authentication, so expose it only to trusted clients. It ends on SIGTERM or an interrupt, after
answering what it has taken on.`,
		Example: `  pipeline serve runs/photos
  curl --data-binary @photo.jpg http://127.0.0.1:8080/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.serve(c.Context(), args[0], &o)
		},
	}
	o.useOptions.add(c.Flags())
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address and port; port 0 takes a free one")
	f.Int64Var(&o.MaxBytes, "max-bytes", 32<<20, "largest image file, in bytes")
	f.IntVar(&o.MaxPixels, "max-pixels", 64<<20, "largest image, in pixels")
	f.Var(&o.memory, "memory", "memory for bodies and pictures, such as 800MB or 2GB; what does not fit is refused (default: half of the machine's, or of the container's)")
	f.StringVar(&o.health, "health", "", "a second address and port, for /healthz and /metrics alone, which clients of the first cannot block (default: none)")
	f.IntVar(&o.Places, "places", 256, "requests taken on at once; more are refused")
	count(f, &o.Decoders, "decode-threads", 0, 0, maxThreads, "images decoded at once (default: one per processor)")
	f.IntVar(&o.Batch, "batch-images", 16, "most images that the encoder gets at once")
	f.DurationVar(&o.Body, "body-time", 15*time.Second, "time limit for a request's body")
	f.DurationVar(&o.Answer, "answer-time", 30*time.Second, "time limit for an answer")
	f.DurationVar(&o.drain, "drain", 20*time.Second, "how long to wait for running requests on shutdown")
	return c
}

type serveOptions struct {
	useOptions
	endpoint.Options
	listen, health string
	memory         budget.Size
	drain          time.Duration
}

// served is a model as the endpoint asks it.
type served struct{ *classify.Model }

func (s served) Classify(ctx context.Context, prepared []float32, n int) ([]classify.Prediction, error) {
	return s.Prepared(ctx, prepared, n)
}

func (s served) Prepare(ctx context.Context, dst []float32, content []byte, maxPixels int, scratch *pixels.Scratch) error {
	return s.Images.Prepare(ctx, dst, content, maxPixels, scratch)
}

func (s served) Pixels() int { return s.Images.Pixels() }

// What idle and slow clients can hold: connections in all, and of one address.
const (
	maxConnections = 2048
	maxOfAddress   = 512
)

func (a *app) serve(ctx context.Context, dir string, o *serveOptions) (err error) {
	for _, bad := range []bool{o.MaxBytes < 1, o.MaxPixels < 1, o.Places < 1, o.Batch < 1, o.Body <= 0, o.Answer <= 0, o.drain < 0, o.drain > 24*time.Hour} {
		if bad {
			return usagef("max-bytes, max-pixels, places, batch-images, body-time and answer-time: want more than 0; drain: want 0 to 24h")
		}
	}
	o.Decoders = parallel.Workers(o.Decoders)
	if o.Memory = int64(o.memory); o.Memory == 0 {
		o.Memory = budget.Default()
	}
	budget.SetRuntimeLimit(o.Memory)
	o.Report = filepath.Join(dir, run.PageFile)
	if err := o.Options.Validate(); err != nil {
		return usageError{err}
	}
	use, err := o.options(a)
	if err != nil {
		return err
	}
	use.Resting = true
	found, err := classify.Find(ctx, dir, use)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	listener, err := net.Listen("tcp", o.listen) // before the encoder is opened: a port that is taken is told at once
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	defer listener.Close()
	var health net.Listener
	if o.health != "" {
		if health, err = net.Listen("tcp", o.health); err != nil {
			return fmt.Errorf("listen for health: %w; choose another address with --health", err)
		}
		defer health.Close()
	}
	m, err := found.Start(ctx)
	if err != nil {
		return err
	}
	defer m.Images.Close()
	o.Hosts = hostsOf(listener.Addr())
	e, err := endpoint.New(served{m}, o.Options)
	if err != nil {
		return err
	}
	a.warmUp(ctx, m, o.Batch)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(spare(o.Decoders)))
	fmt.Fprintf(a.out, "listening on http://%s\n", listener.Addr())
	return a.answer(ctx, listener, health, e, o)
}

// spare is how many goroutines Go may run at once: beside one for each processor, those that hold a place for long. The encoder's call
// and the decoders of heavy pictures would keep requests that come in waiting for one, for up to 10 ms each time, though the operating
// system would let them go first.
func spare(decoders int) int { return runtime.GOMAXPROCS(0) + 1 + (decoders+1)/2 }

// warmUp lets the first request not pay for the encoder's first run; what fails here, a request will tell.
func (a *app) warmUp(ctx context.Context, m *classify.Model, batch int) {
	for _, n := range []int{1, batch} {
		if _, err := m.Prepared(ctx, make([]float32, n*m.Images.Pixels()), n); err != nil {
			a.warn("the first run of the encoder failed: %v", err)
		}
	}
}

// answer serves until ctx ends, and then what was taken on.
func (a *app) answer(ctx context.Context, listener, health net.Listener, e *endpoint.Endpoint, o *serveOptions) error {
	server := &http.Server{
		Handler: e, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: o.Body + 5*time.Second, WriteTimeout: o.Body + o.Answer + 10*time.Second,
		IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx: what was taken on is answered
	var running sync.WaitGroup
	running.Go(func() { e.Run(work) })
	defer running.Wait()
	defer stop()

	failed := make(chan error, 2)
	if health != nil {
		watch := &http.Server{Handler: e.Health(), ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second}
		running.Go(func() {
			if err := watch.Serve(health); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
		defer watch.Close()
	}
	running.Go(func() { failed <- server.Serve(endpoint.Bounded(listener, maxConnections, maxOfAddress)) })
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	e.End()
	a.note("ending: answering what was taken on")
	drained, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.drain)
	defer cancel()
	if err := server.Shutdown(drained); err != nil {
		return errors.Join(fmt.Errorf("some requests were not answered within %s: %w", o.drain, err), server.Close())
	}
	return nil
}

// hostsOf are the names that a server on this machine alone is called by; nil for one that others reach.
func hostsOf(a net.Addr) []string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return []string{"localhost", "127.0.0.1", "::1", tcp.IP.String()}
	}
	return nil
}
