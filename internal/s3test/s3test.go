package s3test

import (
	"bytes"
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server serves the one bucket "data". Its methods may be called while it is in use.
type Server struct {
	mu      sync.Mutex
	objects map[string]object
	written time.Time // of the last object
	read    map[string]bool
}

type object struct {
	content []byte
	written time.Time
}

// entry is an object in a listing.
type entry struct {
	Key, LastModified, ETag string
	Size                    int
}

// Start serves an empty bucket until the test ends, and points the environment at it.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{objects: map[string]object{}, read: map[string]bool{}, written: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": h.URL, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return s
}

// Put writes an object, one second after the last one.
func (s *Server) Put(key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = s.written.Add(time.Second)
	s.objects[key] = object{content, s.written}
}

// Read returns the keys of the objects that were read since the last call, in order.
func (s *Server) Read() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := slices.Sorted(maps.Keys(s.read))
	clear(s.read)
	return keys
}

// ServeHTTP answers a request for the listing or for an object.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/data"), "/")
	if key == "" {
		s.list(w, r.URL.Query().Get("prefix"))
		return
	}
	o, ok := s.objects[key]
	if !ok {
		http.Error(w, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
		return
	}
	if r.Method == http.MethodGet {
		s.read[key] = true
	}
	w.Header().Set("ETag", o.tag())
	http.ServeContent(w, r, "", o.written, bytes.NewReader(o.content))
}

func (s *Server) list(w http.ResponseWriter, prefix string) {
	var answer struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name     string
		KeyCount int
		Contents []entry
	}
	answer.Name = "data"
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; strings.HasPrefix(key, prefix) {
			answer.Contents = append(answer.Contents, entry{key, o.written.Format("2006-01-02T15:04:05.000Z"), o.tag(), len(o.content)})
		}
	}
	answer.KeyCount = len(answer.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer) // a client that has gone needs no answer
}

// tag is the ETag of an object.
func (o object) tag() string { return fmt.Sprintf(`"%x"`, md5.Sum(o.content)) }
