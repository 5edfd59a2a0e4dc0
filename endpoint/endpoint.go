package endpoint

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"iconic/classify"
	"iconic/extract/pixels"
	"iconic/internal/budget"
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
	Batch     int           // most images in a batch; 0: 16
	Body      time.Duration // time limit for receiving a body; 0: 15 s
	Answer    time.Duration // time limit for an answer; 0: 30 s
	Report    string        // file shown at GET /; "": none
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
		return fmt.Errorf("max-bytes %d: want 1 or more", o.MaxBytes)
	case o.Memory > 0 && o.Memory < budget.Least:
		return fmt.Errorf("memory %d: want at least %s", o.Memory, budget.Format(budget.Least))
	case o.MaxBytes > heavyShare(cmp.Or(o.Memory, budget.Default())):
		return fmt.Errorf("max-bytes %d: want at most %s, the share of a memory budget of %s for large images", o.MaxBytes,
			budget.Format(heavyShare(cmp.Or(o.Memory, budget.Default()))), budget.Format(cmp.Or(o.Memory, budget.Default())))
	case o.MaxPixels < 0 || int64(o.MaxPixels) > mostPixels:
		return fmt.Errorf("max-pixels %d: want 1 to %d", o.MaxPixels, int64(mostPixels))
	case o.Places < 0 || o.Places > 1<<16:
		return fmt.Errorf("places %d: want 1 to 65536", o.Places)
	case o.Decoders < 0 || o.Decoders > mostDecoders || o.Batch < 0 || o.Batch > 1<<12:
		return fmt.Errorf("%d decoders and batches of %d: want 1 or more, and at most %d decoders and 4096 images", o.Decoders, o.Batch, mostDecoders)
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
	e.waiting = newQueue(e.accounts)
	e.light, e.heavy = lanes(o.Memory, o.Decoders)
	e.ending, e.end = context.WithCancel(context.Background())
	e.metrics = newMetrics(func() float64 { return float64(len(e.places)) }, func() float64 { return float64(e.waiting.len()) })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", e.classify)
	mux.HandleFunc("GET /{$}", e.report)
	mux.HandleFunc("GET /healthz", e.health)
	mux.Handle("GET /metrics", e.metrics.handler())
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.turnAway(w, r, http.StatusForbidden, "a page of another web site sent this: only pages of this server may")
	}))
	e.mux = protection.Handler(mux)
	return e, nil
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !e.calledRightly(r.Host) {
		e.turnAway(w, r, http.StatusMisdirectedRequest, "unknown host name: send images to the address of this server")
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
func (e *Endpoint) Health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", e.health)
	mux.Handle("GET /metrics", e.metrics.handler())
	return mux
}

// End makes /healthz report the shutdown, so that no more requests are sent to the server, and leaves bodies still being received 2 s to
// arrive; a request whose body takes longer is refused with status 503.
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

// classify answers a POST.
func (e *Endpoint) classify(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	p, err := e.predict(w, r)
	var body []byte
	if err == nil {
		body, err = json.Marshal(p)
	}
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
		body = problem(err.Error())
	}
	e.metrics.answered(status, time.Since(start))
	if status >= 400 && status < statusGone {
		select { // while it holds neither a place nor memory
		case <-time.After(e.accounts.hold(client(r), status == http.StatusTooManyRequests || e.busy())):
		case <-r.Context().Done():
		case <-e.ending.Done():
		}
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	send(w, status, body)
}

// turnAway refuses a request before its path is looked at. One that sends an image is counted as the others are.
func (e *Endpoint) turnAway(w http.ResponseWriter, r *http.Request, status int, text string) {
	if r.Method == http.MethodPost {
		e.metrics.answered(status, 0)
	}
	send(w, status, problem(text))
}

// problem is the body of a refusal.
func problem(text string) []byte {
	body, _ := json.Marshal(map[string]string{"error": text}) // two strings can always be encoded
	return body
}

// send answers with JSON.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// refusal is an error with its HTTP status.
type refusal struct {
	status int
	error
}

func (r refusal) Unwrap() error { return r.error }

func refuse(status int, format string, args ...any) error {
	return refusal{status, fmt.Errorf(format, args...)}
}

// statusOf finds the HTTP status of an error.
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
		return http.StatusServiceUnavailable // shutting down
	}
	return http.StatusInternalServerError
}

// busy reports whether a lane has no free decoder.
func (e *Endpoint) busy() bool { return len(e.light.scratch) == 0 || len(e.heavy.scratch) == 0 }

// statusGone is the status under which requests are counted whose client left before the answer.
const statusGone = 499

// predict handles a request from its body to the prediction.
func (e *Endpoint) predict(w http.ResponseWriter, r *http.Request) (p classify.Prediction, err error) {
	if r.ContentLength > e.options.MaxBytes {
		return p, refuse(http.StatusRequestEntityTooLarge, "the body has %d bytes, more than the limit of %d", r.ContentLength, e.options.MaxBytes)
	}
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	default:
		return p, refuse(http.StatusTooManyRequests, "%d requests are already being answered: try again in a second", e.options.Places)
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), e.options.Answer, fmt.Errorf("no answer within %s", e.options.Answer))
	defer cancel()
	content, memory, err := e.body(w, r)
	if err != nil {
		return p, err
	}
	from := client(r)
	prepared, err := e.prepare(ctx, from, content, memory)
	if err != nil {
		return p, err
	}
	defer prepared.memory.keep(0)
	e.quick.Add(1)
	defer e.quick.Add(-1)
	j := &job{ctx, from, time.Now(), prepared.pixels, make(chan answer, 1)}
	e.waiting.put(j)
	select {
	case a := <-j.answer:
		return a.prediction, a.err
	case <-ctx.Done():
		return p, refuse(http.StatusServiceUnavailable, "%w", context.Cause(ctx))
	}
}

// body reads the image: the body itself, or the only file of a form. Before it reads a byte it reserves memory for the length that the
// header promises. If the header promises none, it reserves twice the largest body, since the buffer has to grow.
func (e *Endpoint) body(w http.ResponseWriter, r *http.Request) (content []byte, _ *held, err error) {
	need, room := r.ContentLength, r.ContentLength
	if need < 0 {
		need, room = min(2*e.options.MaxBytes, e.heavy.memory.Total()), 64<<10
	}
	on := e.heavy
	if need <= lightBody {
		on = e.light
	}
	memory, err := on.take(need)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			memory.keep(0)
		}
	}()
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(e.options.Body)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, nil, err
	}
	hurry := context.AfterFunc(e.ending, func() {
		_ = control.SetReadDeadline(time.Now().Add(min(endingBody, e.options.Body))) // without deadlines, the body ends as it does
	})
	defer hurry()
	from, err := e.file(w, r)
	if err != nil {
		return nil, nil, err
	}
	head := make([]byte, min(room, pixels.HeadSize)) // data that is not a picture is read no further
	n, err := io.ReadFull(from, head)
	switch {
	case err == nil:
		if err := pixels.Recognise(head); n == pixels.HeadSize && err != nil {
			return nil, nil, err
		}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return nil, nil, e.unread(err, refuse(http.StatusBadRequest, "the body was cut short: %w", err))
	}
	content, err = readInto(append(make([]byte, 0, room), head[:n]...), from)
	if err != nil {
		return nil, nil, e.unread(err, refuse(http.StatusBadRequest, "the body was cut short: %w", err))
	}
	memory.keep(int64(cap(content)))
	return content, memory, nil
}

// readInto is io.ReadAll into a buffer, which is not replaced if everything fits.
func readInto(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) { // full: is there more data?
			var one [1]byte
			n, err := io.ReadFull(r, one[:])
			if n == 0 {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return b, err
			}
			b = append(slices.Grow(b, cap(b)), one[0]) // double the buffer
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return b, err
		}
	}
}

// file returns the reader of the image.
func (e *Endpoint) file(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	from := io.Reader(http.MaxBytesReader(w, r.Body, e.options.MaxBytes))
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		r.Body = io.NopCloser(from)
		form, err := r.MultipartReader()
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the form cannot be read: %w", err)
		}
		part, err := nextFile(form)
		if err != nil {
			otherwise := refuse(http.StatusBadRequest, "the form cannot be read: %w", err)
			switch {
			case err == io.EOF: //nolint:errorlint // NextPart wraps it where the form is cut short
				otherwise = refuse(http.StatusBadRequest, "the form holds no file: send the image as one")
			case errors.Is(err, io.EOF):
				otherwise = refuse(http.StatusBadRequest, "the form is cut short before any file: send it again")
			}
			return nil, e.unread(err, otherwise)
		}
		from = &onlyFile{part: part, form: form}
	}
	return from, nil
}

// nextFile skips the parts of a form that are not files.
func nextFile(form *multipart.Reader) (*multipart.Part, error) {
	part, err := form.NextPart()
	for ; err == nil && part.FileName() == ""; part, err = form.NextPart() {
		continue
	}
	return part, err
}

// onlyFile reads the file of a form, and fails at its end if there is another.
type onlyFile struct {
	part *multipart.Part
	form *multipart.Reader
	end  error // once the end is reached: io.EOF, or why the form is refused
}

func (f *onlyFile) Read(b []byte) (n int, err error) {
	if f.end != nil {
		return 0, f.end
	}
	n, err = f.part.Read(b)
	if errors.Is(err, io.EOF) {
		if _, f.end = nextFile(f.form); f.end == nil {
			f.end = refuse(http.StatusBadRequest, "the form holds more than one file: send one image per request")
		}
		err = f.end
	}
	return n, err
}

// unread is the error for a body that could not be read; otherwise is for causes other than its size, its time limit, a refusal and the shutdown.
func (e *Endpoint) unread(err, otherwise error) error {
	var large *http.MaxBytesError
	var refused refusal
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", e.options.MaxBytes)
	case errors.As(err, &refused):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded) && e.ending.Err() != nil:
		return refuse(http.StatusServiceUnavailable, "the server is shutting down: send it again")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the body did not arrive within %s", e.options.Body)
	}
	return otherwise
}

// picture is an image prepared for the encoder, and the memory it holds.
type picture struct {
	pixels []float32
	memory *held
}

// prepare decodes an image when its turn comes. It first reserves the memory that the image's header calls for. It returns when ctx ends
// even if the decoder has not finished: the decoder then goes on alone, and its memory and its place are freed when it is done.
func (e *Endpoint) prepare(ctx context.Context, from string, content []byte, body *held) (*picture, error) {
	result := int64(4 * e.model.Pixels())
	cost, err := pixels.Cost(content, pixels.DecodeOptions{MaxPixels: e.options.MaxPixels})
	if err != nil { // the decoder would return the same error, and nobody need wait for it
		body.keep(0)
		return nil, err
	}
	on, decoding := e.heavy, context.Context(newPatient(ctx, &e.quick))
	if cost <= lightCost && int64(len(content)) <= lightBody {
		on, decoding = e.light, ctx
		e.quick.Add(1)
		defer e.quick.Add(-1)
	}
	memory, err := on.take(cost + result)
	if err != nil {
		body.keep(0)
		return nil, err
	}
	var scratch *pixels.Scratch
	select {
	case scratch = <-on.scratch:
	case <-ctx.Done():
		memory.keep(0)
		body.keep(0)
		return nil, refuse(http.StatusServiceUnavailable, "%w", context.Cause(ctx))
	}
	type decoded struct {
		picture *picture
		err     error
	}
	done := make(chan decoded)
	e.decoding.Go(func() {
		d := decoded{picture: &picture{make([]float32, e.model.Pixels()), memory}}
		begun := time.Now()
		d.err = e.model.Prepare(decoding, d.picture.pixels, content, e.options.MaxPixels, scratch)
		e.accounts.used(from, time.Since(begun))
		on.scratch <- scratch // never blocks: the channel holds all of them
		body.keep(0)
		memory.keep(result)
		if d.err != nil {
			memory.keep(0)
		}
		select {
		case done <- d:
		case <-ctx.Done():
			memory.keep(0)
		}
	})
	select {
	case d := <-done:
		return d.picture, d.err
	case <-ctx.Done():
		return nil, refuse(http.StatusServiceUnavailable, "%w", context.Cause(ctx))
	}
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
