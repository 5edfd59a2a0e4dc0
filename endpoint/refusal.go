package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"iconic/extract/pixels"
)

// turnAway refuses and counts a request that is not answered at all.
func (e *Endpoint) turnAway(w http.ResponseWriter, status int, text string) {
	e.metrics.answered(status, 0)
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
