package endpoint

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// routes are the paths of every listener. A path that is none of them is refused with the way out.
func (e *Endpoint) routes(wayOut string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/healthz", e.by(methods{http.MethodGet: e.health}))
	mux.Handle("/metrics", e.by(methods{http.MethodGet: e.metrics.handler().ServeHTTP}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e.turnAway(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %.200q: %s", r.URL.Path, wayOut))
	})
	return mux
}

// methods are the handlers of a path by method; that of GET also answers HEAD.
type methods map[string]http.HandlerFunc

// by passes a request to the handler of its method, and refuses other methods. ServeMux would refuse them in plain text, and uncounted.
func (e *Endpoint) by(m methods) http.Handler {
	if get, ok := m[http.MethodGet]; ok {
		m[http.MethodHead] = get
	}
	allowed := strings.Join(slices.Sorted(maps.Keys(m)), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle, ok := m[r.Method]; ok {
			handle(w, r)
			return
		}
		w.Header().Set("Allow", allowed)
		e.turnAway(w, http.StatusMethodNotAllowed, fmt.Sprintf("method %.20q is not allowed at this address: use %s", r.Method, allowed))
	})
}
