package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/curation"
	"iconic/endpoint"
	"iconic/internal/budget"
	"iconic/internal/parallel"
	"iconic/run"
)

func newServeCommand(a *app) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve RUN",
		Short: "Classify images over HTTP",
		Long: `Classify images over HTTP.

POST an image to / to get its cluster as JSON: cluster, name, confidence, runner-up, and whether it is unlike all training images.
GET / returns the run's report, /healthz says whether the server works, /metrics is for Prometheus. The server listens on localhost only unless
--listen says otherwise. Clusters, names and the report are read once, at the start: restart the server after 'pipeline curate' or
'pipeline report'. There is no authentication, so expose it only to trusted clients. On
localhost, requests under other host names get status 421, unless --hosts has them. On SIGTERM or an interrupt it finishes
accepted requests before it exits; one whose body has not arrived 2 s later gets status 503.`,
		Example: `  pipeline serve runs/photos
  curl --data-binary @photo.jpg http://127.0.0.1:8080/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("batch-images") {
				o.given = o.Batch
			}
			return a.serve(c.Context(), args[0], &o)
		},
	}
	o.useOptions.add(c.Flags())
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address and port; port 0 picks a free port")
	f.StringSliceVar(&o.hosts, "hosts", nil, "further host names that requests may give, such as images.example.org, for a proxy that passes on the name it is called by (default: on localhost only its own names, else any)")
	f.Int64Var(&o.MaxBytes, "max-bytes", 32<<20, "largest image file, in bytes")
	f.IntVar(&o.MaxPixels, "max-pixels", 64<<20, "largest image, in pixels")
	f.Var(&o.memory, "memory", "memory for request bodies and images, such as 800MB or 2GB; requests that do not fit are refused (default: half of the machine's or container's memory)")
	f.StringVar(&o.health, "health", "", "a second address and port for /healthz and /metrics only, which clients of the first cannot block (default: none)")
	f.IntVar(&o.Places, "places", 256, "maximum number of concurrent requests; more are refused")
	count(f, &o.Decoders, "decode-threads", 0, 0, maxThreads, "images decoded in parallel (default: one per CPU)")
	f.IntVar(&o.Batch, "batch-images", 16, "maximum images per encoder batch")
	f.DurationVar(&o.Body, "body-time", 15*time.Second, "time limit for reading a request's body")
	f.DurationVar(&o.Answer, "answer-time", 30*time.Second, "time limit for an answer")
	f.DurationVar(&o.drain, "drain", 20*time.Second, "how long to wait for running requests on shutdown")
	return c
}

type serveOptions struct {
	useOptions
	endpoint.Options
	listen, health string
	hosts          []string
	memory         budget.Size
	given          int // --batch-images, 0 if it was not given
	drain          time.Duration
}

// validate checks what 0 would make the default of the library, and the names of hosts.
func (o *serveOptions) validate() error {
	for _, f := range []struct {
		flag  string
		value any
		bad   bool
		want  string
	}{
		{"max-bytes", o.MaxBytes, o.MaxBytes < 1, "1 or more"},
		{"max-pixels", o.MaxPixels, o.MaxPixels < 1, "1 or more"},
		{"places", o.Places, o.Places < 1, "1 or more"},
		{"batch-images", o.Batch, o.Batch < 1, "1 or more"},
		{"body-time", o.Body, o.Body <= 0, "more than 0s"},
		{"answer-time", o.Answer, o.Answer <= 0, "more than 0s"},
		{"drain", o.drain, o.drain < 0 || o.drain > 24*time.Hour, "0s to 24h"},
	} {
		if f.bad {
			return usagef("--%s %v: want %s", f.flag, f.value, f.want)
		}
	}
	for i, name := range o.hosts {
		if name == "" || strings.ContainsAny(name, "/:*@ ") && net.ParseIP(name) == nil {
			return usagef("--hosts %q: want names without scheme and port, such as images.example.org", name)
		}
		o.hosts[i] = strings.ToLower(name)
	}
	return nil
}

func (a *app) serve(ctx context.Context, dir string, o *serveOptions) (err error) {
	if err := o.validate(); err != nil {
		return err
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
	use.Resting, use.Batch = true, o.given
	found, err := classify.Find(ctx, dir, use)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	if found.Curation != nil && older(o.Report, filepath.Join(dir, curation.FileName)) {
		a.note("the page is older than the last change by hand, which it may not show: 'pipeline report %s' writes it anew", dir)
	}
	listener, err := listen("listen", o.listen) // before the encoder is opened, so that a port in use is reported at once
	if err != nil {
		return err
	}
	defer listener.Close()
	var health net.Listener
	if o.health != "" {
		if health, err = listen("health", o.health); err != nil {
			return err
		}
		defer health.Close()
	}
	m, err := found.Start(ctx)
	if err != nil {
		return err
	}
	defer m.Images.Close()
	o.Hosts = append(endpoint.Hosts(listener.Addr()), o.hosts...)
	e, err := endpoint.New(endpoint.Of(m), o.Options)
	if err != nil {
		return err
	}
	if err := e.WarmUp(ctx); err != nil {
		a.warn("%v", err) // requests report it, too
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(spare(o.Decoders)))
	if err := a.tellListening("listening on", listener, health); err != nil {
		return err
	}
	return e.Serve(ctx, endpoint.Serving{
		Listener: listener, Health: health, Drain: o.drain, Ending: func() { a.note("shutting down: finishing accepted requests") },
	})
}

// older reports whether both files are there, and the first was written before the second.
func older(first, second string) bool {
	a, errA := os.Stat(first)
	b, errB := os.Stat(second)
	return errA == nil && errB == nil && a.ModTime().Before(b.ModTime())
}

// spare is the GOMAXPROCS value for serving: one per CPU, plus extra for goroutines that run for long. Otherwise the encoder call
// and the decoders of large images would delay incoming requests by up to 10 ms each time, although the operating
// system would schedule those first.
func spare(decoders int) int { return runtime.GOMAXPROCS(0) + 1 + (decoders+1)/2 }
