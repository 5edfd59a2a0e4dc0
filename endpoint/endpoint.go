package endpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"iconic/classify"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/option"
)

// Model classifies images for the endpoint; Of makes one from a *classify.Model.
type Model interface {
	Classify(ctx context.Context, prepared []float32, n int) ([]classify.Prediction, error)
	Prepare(ctx context.Context, dst []float32, content []byte, maxPixels int, s *pixels.Scratch) error
	Pixels() int // numbers in a prepared image
}

// Options are the options of New. Zero values stand for the defaults.
type Options struct {
	MaxBytes  int64         // largest body; 0: 32 MiB
	MaxPixels int           // largest image; 0: 64 million
	Places    int           // requests admitted at once; 0: 256
	Decoders  int           // requests that decode at once, half of them heavy ones; 0: 2
	Memory    int64         // bytes for bodies and pictures together, at most what the machine or its control group has; 0: half of that
	Batch     int           // most images in a batch, at most encoder.MaxBatch; 0: 16
	Body      time.Duration // time limit for receiving a body; 0: 15 s
	Answer    time.Duration // time limit for an answer; 0: 30 s
	Report    string        // file shown at GET /, which New reads; "": none
	// Hosts are the host names under which requests may reach the server, without port; nil: any. It stops other web sites from reading the
	// server through a name of their own that they point at this machine (DNS rebinding).
	Hosts []string
}

func (o Options) withDefaults() Options {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.MaxPixels, 64<<20)
	def(&o.Places, 256)
	def(&o.Decoders, 2)
	def(&o.Batch, 16)
	if o.MaxBytes == 0 {
		o.MaxBytes = 32 << 20
	}
	if o.Memory == 0 {
		o.Memory = budget.Default()
	}
	if o.Body == 0 {
		o.Body = 15 * time.Second
	}
	if o.Answer == 0 {
		o.Answer = 30 * time.Second
	}
	return o
}

// Validate names an option that is out of range.
func (o Options) Validate() error {
	switch {
	case budget.Check(o.Memory) != nil:
		return budget.Check(o.Memory)
	case o.MaxBytes < 0:
		return option.Errorf("MaxBytes", "bodies of %d bytes at most: want 1 or more", o.MaxBytes)
	case o.Memory > 0 && o.Memory < budget.Least:
		return option.Errorf("Memory", "memory %d: want at least %s", o.Memory, budget.Format(budget.Least))
	case o.MaxBytes > heavyShare(cmp.Or(o.Memory, budget.Default())):
		return option.Errorf("MaxBytes", "bodies of %d bytes at most: want at most %s, the share of a memory budget of %s for large images", o.MaxBytes,
			budget.Format(heavyShare(cmp.Or(o.Memory, budget.Default()))), budget.Format(cmp.Or(o.Memory, budget.Default())))
	case o.MaxPixels < 0 || int64(o.MaxPixels) > mostPixels:
		return option.Errorf("MaxPixels", "images of %d pixels at most: want 1 to %d", o.MaxPixels, int64(mostPixels))
	case o.Places < 0 || o.Places > 1<<16:
		return option.Errorf("Places", "%d requests at once: want 1 to 65536", o.Places)
	case o.Decoders < 0 || o.Decoders > mostDecoders:
		return option.Errorf("Decoders", "%d decoders: want 1 to %d", o.Decoders, mostDecoders)
	case o.Batch < 0 || o.Batch > encoder.MaxBatch:
		return option.Errorf("Batch", "batches of %d images: want 1 to %d", o.Batch, encoder.MaxBatch)
	case o.Body < 0 || o.Answer < 0 || o.Body > mostTime || o.Answer > mostTime:
		return fmt.Errorf("time limits %s and %s for a body and an answer: want more than 0, and at most %s", o.Body, o.Answer, mostTime)
	}
	return nil
}

// Bounds of Options.
const (
	mostPixels   = 1 << 32
	mostDecoders = 1024
	mostTime     = 24 * time.Hour
)

// Endpoint is an http.Handler. It answers only while Run is running.
type Endpoint struct {
	model   Model
	options Options
	metrics *metrics
	mux     http.Handler

	places       chan struct{} // one for each admitted request
	light, heavy *lane
	accounts     *accounts
	waiting      *queue
	quick        atomic.Int64 // light requests that are being decoded or are waiting for the encoder
	decoding     sync.WaitGroup
	started      time.Time
	page         []byte // of Options.Report; nil: there is none that can be shown

	ending context.Context // ends when shutdown begins
	end    context.CancelFunc
}

// job is an image on its way to the encoder.
type job struct {
	ctx      context.Context
	from     string // address of the client
	since    time.Time
	prepared []float32
	answer   chan answer // has a buffer of one
}

type answer struct {
	prediction classify.Prediction
	err        error
}

// New makes an endpoint. It fails without a model, on the model of a run without its encoder, and on options out of range.
func New(m Model, o Options) (*Endpoint, error) {
	if m == nil {
		return nil, errors.New("there is no model to serve")
	}
	if s, ours := m.(served); ours {
		if err := s.check(); err != nil {
			return nil, err
		}
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	e := &Endpoint{
		model: m, options: o,
		places: make(chan struct{}, o.Places), accounts: newAccounts(), started: time.Now(),
	}
	if page, err := readPage(o.Report); err == nil {
		e.page = page
	}
	e.waiting = newQueue(e.accounts)
	e.light, e.heavy = lanes(o.Memory, o.Decoders)
	e.ending, e.end = context.WithCancel(context.Background())
	e.metrics = newMetrics(func() float64 { return float64(len(e.places)) }, func() float64 { return float64(e.waiting.len()) })
	mux := e.routes("POST an image to /")
	mux.Handle("/{$}", e.by(methods{http.MethodPost: e.classify, http.MethodGet: e.report}))
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.turnAway(w, http.StatusForbidden, "a page of another web site sent this: only pages of this server may")
	}))
	e.mux = protection.Handler(mux)
	return e, nil
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !e.calledRightly(r.Host) {
		e.turnAway(w, http.StatusMisdirectedRequest, fmt.Sprintf("unknown host name %.200q: send images to the address of this server, or have it take that name", r.Host))
		return
	}
	e.mux.ServeHTTP(w, r)
}

// calledRightly reports whether a request names this server. A request without a host name, which HTTP/1.0 allows, does not come from a
// browser.
func (e *Endpoint) calledRightly(host string) bool {
	if e.options.Hosts == nil || host == "" {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(e.options.Hosts, strings.ToLower(strings.Trim(host, "[]")))
}

// Health serves only /healthz and /metrics, for a listener of its own that clients of the main one cannot starve.
func (e *Endpoint) Health() http.Handler { return e.routes("only /healthz and /metrics are here") }

// End makes /healthz report the shutdown, so that no more requests are sent to the server, and leaves bodies still being received 2 s to
// arrive; a request whose body takes longer is refused with status 503. An endpoint that has ended cannot be served again.
func (e *Endpoint) End() { e.end() }

// endingBody is the time left for bodies to arrive once shutdown begins.
const endingBody = 2 * time.Second

func (e *Endpoint) health(w http.ResponseWriter, _ *http.Request) {
	if e.ending.Err() != nil {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Run feeds the encoder until ctx ends, then waits for the decoders. Images still waiting for the encoder are then refused.
func (e *Endpoint) Run(ctx context.Context) {
	defer e.decoding.Wait()
	var prepared []float32
	var pace pace
	for {
		select {
		case <-e.waiting.filled:
		case <-ctx.Done():
			return
		}
		batch := e.waiting.take(pace.most(e.options.Batch))
		if len(batch) == 0 {
			continue
		}
		begun := time.Now()
		prepared = e.encode(ctx, batch, prepared)
		took := time.Since(begun)
		pace.took(len(batch), took)
		for _, j := range batch {
			e.accounts.used(j.from, took/time.Duration(len(batch)))
		}
	}
}

// encode answers the jobs of a batch. It returns its buffer for reuse.
func (e *Endpoint) encode(ctx context.Context, batch []*job, prepared []float32) []float32 {
	prepared = prepared[:0]
	for _, j := range batch {
		prepared = append(prepared, j.prepared...)
	}
	predictions, err := e.model.Classify(ctx, prepared, len(batch))
	e.metrics.encoded(len(batch))
	for i, j := range batch {
		if err != nil {
			j.answer <- answer{err: err}
		} else {
			j.answer <- answer{prediction: predictions[i]}
		}
	}
	return prepared
}
