package endpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"iconic/classify"
	"iconic/extract/pixels"
)

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
