package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"iconic/extract/pixels"
	"iconic/pipeline/classify"
)

// Model is what the endpoint asks; *classify.Model is one.
type Model interface {
	Classify(ctx context.Context, prepared []float32, n int) ([]classify.Prediction, error)
	Prepare(dst []float32, content []byte, maxPixels int, s *pixels.Scratch) error
	Pixels() int // numbers of a prepared image
}

// Options of New. Zero values stand for the defaults.
type Options struct {
	MaxBytes  int64         // of a body; 0: 32 MiB
	MaxPixels int           // of an image; 0: 64 million
	Places    int           // requests that are let in at once; 0: 256
	Decoders  int           // requests that decode at once; 0: 2
	Batch     int           // images of a batch at most; 0: 16
	Body      time.Duration // in which a body must have come; 0: 15 s
	Answer    time.Duration // in which an answer must be there; 0: 30 s
	Report    string        // file that GET / shows; "": none
	// Hosts are the names that requests may call the server by, without port; nil: any. It keeps other web sites from reading through
	// a name of their own that they point at this machine.
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
	if o.Body == 0 {
		o.Body = 15 * time.Second
	}
	if o.Answer == 0 {
		o.Answer = 30 * time.Second
	}
	return o
}

// Validate names the option that is out of range.
func (o Options) Validate() error {
	switch {
	case o.MaxBytes < 0:
		return fmt.Errorf("max-bytes %d: want 1 or more", o.MaxBytes)
	case o.MaxPixels < 0:
		return fmt.Errorf("max-pixels %d: want 1 or more", o.MaxPixels)
	case o.Places < 0 || o.Places > 1<<16:
		return fmt.Errorf("places %d: want 1 to 65536", o.Places)
	case o.Decoders < 0 || o.Batch < 0 || o.Batch > 1<<12:
		return fmt.Errorf("%d decoders and batches of %d: want 1 or more, and at most 4096 images", o.Decoders, o.Batch)
	case o.Body < 0 || o.Answer < 0:
		return fmt.Errorf("times %s and %s: want more than 0", o.Body, o.Answer)
	}
	return nil
}

// Endpoint is an http.Handler. Run must be running for it to answer.
type Endpoint struct {
	model   Model
	options Options
	metrics *metrics
	mux     http.Handler

	places  chan struct{} // one for each request that is in
	decode  chan *pixels.Scratch
	waiting chan *job
	ending  atomic.Bool
}

// job is an image on its way through the encoder.
type job struct {
	ctx      context.Context
	prepared []float32
	answer   chan answer // has room for one
}

type answer struct {
	prediction classify.Prediction
	err        error
}

// New makes an endpoint.
func New(m Model, o Options) (*Endpoint, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	e := &Endpoint{
		model: m, options: o,
		places: make(chan struct{}, o.Places), decode: make(chan *pixels.Scratch, o.Decoders), waiting: make(chan *job, o.Places),
	}
	for range o.Decoders {
		e.decode <- new(pixels.Scratch)
	}
	e.metrics = newMetrics(func() float64 { return float64(len(e.places)) }, func() float64 { return float64(len(e.waiting)) })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", e.classify)
	mux.HandleFunc("GET /{$}", e.report)
	mux.HandleFunc("GET /healthz", e.health)
	mux.Handle("GET /metrics", e.metrics.handler())
	e.mux = http.NewCrossOriginProtection().Handler(mux)
	return e, nil
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !e.calledRightly(r.Host) {
		http.Error(w, "this server is not called "+r.Host, http.StatusMisdirectedRequest)
		return
	}
	e.mux.ServeHTTP(w, r)
}

func (e *Endpoint) calledRightly(host string) bool {
	if e.options.Hosts == nil {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(e.options.Hosts, strings.ToLower(strings.Trim(host, "[]")))
}

// End makes /healthz say that the server ends, so that no more requests are sent to it.
func (e *Endpoint) End() { e.ending.Store(true) }

func (e *Endpoint) health(w http.ResponseWriter, _ *http.Request) {
	if e.ending.Load() {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// report shows the run's page, which carries its own style, script and pictures and needs nothing else.
func (e *Endpoint) report(w http.ResponseWriter, r *http.Request) {
	if e.options.Report == "" {
		http.NotFound(w, r)
		return
	}
	if _, err := os.Stat(e.options.Report); err != nil {
		http.Error(w, "the run has no report; POST an image to this address", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'")
	http.ServeFile(w, r, e.options.Report)
}

// classify answers a POST.
func (e *Endpoint) classify(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p, err := e.predict(w, r)
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
	}
	e.metrics.answered(status, time.Since(start))
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	if err != nil {
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // whoever asked may be gone
		return
	}
	_ = json.NewEncoder(w).Encode(p)
}

// refusal is an error with its status.
type refusal struct {
	status int
	error
}

func (r refusal) Unwrap() error { return r.error }

func refuse(status int, format string, args ...any) error {
	return refusal{status, fmt.Errorf(format, args...)}
}

// statusOf finds the status that an error stands for.
func statusOf(err error) int {
	var r refusal
	var p *pixels.Error
	switch {
	case errors.As(err, &r) && r.status == http.StatusServiceUnavailable && errors.Is(err, context.Canceled):
		return statusGone
	case errors.As(err, &r):
		return r.status
	case errors.As(err, &p):
		switch p.Reason {
		case pixels.TooLarge:
			return http.StatusRequestEntityTooLarge
		case pixels.Damaged:
			return http.StatusUnprocessableEntity
		}
		return http.StatusUnsupportedMediaType
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable // it is ending
	}
	return http.StatusInternalServerError
}

// holdBack is how long one request too many waits for its refusal.
const holdBack = 250 * time.Millisecond

// statusGone counts requests whose client left before the answer.
const statusGone = 499

// predict takes a request from its body to a prediction.
func (e *Endpoint) predict(w http.ResponseWriter, r *http.Request) (p classify.Prediction, err error) {
	if r.ContentLength > e.options.MaxBytes {
		return p, refuse(http.StatusRequestEntityTooLarge, "the body has %d bytes, at most %d are taken", r.ContentLength, e.options.MaxBytes)
	}
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	default:
		// Clients that ask again at once shall not take the processor from the encoder.
		select {
		case <-time.After(holdBack):
		case <-r.Context().Done():
		}
		return p, refuse(http.StatusTooManyRequests, "%d requests are being answered, no more are taken: try again in a second", e.options.Places)
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), e.options.Answer, fmt.Errorf("no answer within %s", e.options.Answer))
	defer cancel()
	content, err := e.body(w, r)
	if err != nil {
		return p, err
	}
	prepared, err := e.prepare(ctx, content)
	if err != nil {
		return p, err
	}
	j := &job{ctx, prepared, make(chan answer, 1)}
	e.waiting <- j // it has room for as many as there are places
	select {
	case a := <-j.answer:
		return a.prediction, a.err
	case <-ctx.Done():
		return p, refuse(http.StatusServiceUnavailable, "%w", context.Cause(ctx))
	}
}

// body reads the image: the body itself, or the first file of a form.
func (e *Endpoint) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(e.options.Body)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	from := io.Reader(http.MaxBytesReader(w, r.Body, e.options.MaxBytes))
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		r.Body = io.NopCloser(from)
		form, err := r.MultipartReader()
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the form cannot be read: %w", err)
		}
		part, err := form.NextPart()
		for ; err == nil && part.FileName() == ""; part, err = form.NextPart() {
			continue
		}
		if err != nil {
			return nil, unread(err, e.options, refuse(http.StatusBadRequest, "the form holds no file: %w", err))
		}
		from = part
	}
	content, err := io.ReadAll(from)
	if err != nil {
		return nil, unread(err, e.options, refuse(http.StatusBadRequest, "the body was cut short: %w", err))
	}
	return content, nil
}

// unread says why a body could not be read; otherwise is for what is neither its size nor its time.
func unread(err error, o Options, otherwise error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", o.MaxBytes)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the body did not come within %s", o.Body)
	}
	return otherwise
}

// prepare decodes an image, when it is its turn.
func (e *Endpoint) prepare(ctx context.Context, content []byte) ([]float32, error) {
	select {
	case scratch := <-e.decode:
		defer func() { e.decode <- scratch }()
		prepared := make([]float32, e.model.Pixels())
		return prepared, e.model.Prepare(prepared, content, e.options.MaxPixels, scratch)
	case <-ctx.Done():
		return nil, refuse(http.StatusServiceUnavailable, "%w", context.Cause(ctx))
	}
}

// Run feeds the encoder until ctx ends. Whatever waits then is refused.
func (e *Endpoint) Run(ctx context.Context) {
	var prepared []float32
	for {
		var batch []*job
		select {
		case j := <-e.waiting:
			batch = append(batch, j)
		case <-ctx.Done():
			return
		}
		for len(batch) < e.options.Batch {
			select {
			case j := <-e.waiting:
				batch = append(batch, j)
				continue
			default:
			}
			break
		}
		prepared = e.encode(ctx, batch, prepared)
	}
}

// encode answers the jobs of a batch that are still wanted. It gives back its buffer.
func (e *Endpoint) encode(ctx context.Context, batch []*job, prepared []float32) []float32 {
	batch = slices.DeleteFunc(batch, func(j *job) bool { return j.ctx.Err() != nil })
	if len(batch) == 0 {
		return prepared
	}
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
