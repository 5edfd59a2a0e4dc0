package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// server serves one file in ranges, with faults in between.
type server struct {
	content  atomic.Pointer[[]byte]
	fault    func(n int64, w http.ResponseWriter) bool // may answer in place of the server; n counts requests
	refuse   int                                       // how often each range is refused before it is served
	cut      func(n int64) int                         // bytes after which a response ends; 0: none
	requests atomic.Int64
	asked    atomic.Int64 // bytes requested

	mu   sync.Mutex
	seen map[string]int // how often each range was requested
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.requests.Add(1)
	if s.fault != nil && s.fault(n, w) {
		return
	}
	s.mu.Lock()
	s.seen[r.Header.Get("Range")]++
	refused := s.seen[r.Header.Get("Range")] <= s.refuse
	s.mu.Unlock()
	if refused {
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	content := *s.content.Load()
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint(len(content), content[0])))
	if s.cut != nil {
		if at := s.cut(n); at > 0 {
			w = &cutter{ResponseWriter: w, left: at}
		}
	}
	http.ServeContent(&counter{w, &s.asked}, r, "", time.Unix(1e9, 0), bytes.NewReader(content))
}

type counter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ResponseWriter.Write(b)
}

// cutter ends a connection after a number of bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// serve opens a file of a server, with short waits.
func serve(t *testing.T, s *server, content []byte) *Bucket {
	t.Helper()
	s.content.Store(&content)
	s.seen = map[string]int{}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	b, _, err := Open(t.Context(), h.URL+"/set.tar?signature=secret")
	if err != nil {
		t.Fatal(err)
	}
	b.wait = time.Millisecond
	t.Cleanup(func() { b.Close() })
	return b
}

func TestReadsAreWholeWhateverTheNetworkDoes(t *testing.T) {
	content := random(9 << 20)
	for name, s := range map[string]*server{
		"nothing":  {},
		"cuts":     {cut: func(n int64) int { return int(n%3) * 700_000 }},
		"refusals": {refuse: 3},
	} {
		b := serve(t, s, content)
		o, err := b.Stat(t.Context(), "")
		if err != nil || o.Size != int64(len(content)) {
			t.Fatalf("%s: %+v, %v", name, o, err)
		}
		reader := b.Reader(t.Context(), o)
		var wait sync.WaitGroup
		for g := range 4 {
			wait.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 2))
				buffer := make([]byte, 1<<20)
				for range 20 {
					at := r.IntN(len(content))
					p := buffer[:r.IntN(len(buffer))]
					n, err := reader.ReadAt(p, int64(at))
					if end := len(content) - at; len(p) > end {
						if n != end || !errors.Is(err, io.EOF) {
							t.Errorf("%s: %d bytes of %d before the end, %v", name, n, end, err)
						}
						p = p[:end]
					} else if n != len(p) || err != nil {
						t.Errorf("%s: %d bytes of %d, %v", name, n, len(p), err)
					}
					if !bytes.Equal(p, content[at:at+len(p)]) {
						t.Errorf("%s: different bytes at %d", name, at)
					}
				}
			})
		}
		wait.Wait()
		var copied bytes.Buffer
		if err := b.Copy(t.Context(), &copied, o); err != nil || !bytes.Equal(copied.Bytes(), content) {
			t.Errorf("%s: a copy of %d bytes, %v", name, copied.Len(), err)
		}
	}
}

func refuse(w http.ResponseWriter, status int) bool {
	w.WriteHeader(status)
	return true
}

// TestReadsThatFollowEachOtherAreFew: small sequential reads take one request for each block, and distant ones request only what they need.
func TestReadsThatFollowEachOtherAreFew(t *testing.T) {
	content := random(20 << 20)
	s := &server{}
	b := serve(t, s, content)
	o, err := b.Stat(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	r := b.Reader(t.Context(), o)
	s.requests.Store(0)
	p := make([]byte, 1000)
	for at := 0; at+len(p) <= len(content); at += len(p) {
		if _, err := r.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p, content[at:at+len(p)]) {
			t.Fatalf("at %d: %v", at, err)
		}
	}
	if n := s.requests.Load(); n > 6 {
		t.Errorf("%d requests for 20 MiB read sequentially", n)
	}
	far := func(r *Reader) (asked int64) {
		t.Helper()
		s.asked.Store(0)
		for i := range 10 {
			at := (i%2)*14<<20 + (5 << 20)
			if _, err := r.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p, content[at:at+len(p)]) {
				t.Fatalf("at %d: %v", at, err)
			}
		}
		return s.asked.Load()
	}
	if n := far(r); n != 0 {
		t.Errorf("%d bytes for distant reads of cached data", n)
	}
	if n := far(serve(t, s, content).Reader(t.Context(), o)); n != 10*1000 {
		t.Errorf("%d bytes for 10 distant reads of 1000", n)
	}
}

// TestReadsAreAhead: blocks for sequential reads are requested concurrently, no block is requested twice, and closing the bucket ends
// requests in progress.
func TestReadsAreAhead(t *testing.T) {
	content := random(40 << 20)
	var asked, under, most atomic.Int64
	s := &server{fault: func(int64, http.ResponseWriter) bool {
		for n, m := under.Add(1), most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if asked.Add(1) > 3 { // the first requests open the file and detect sequential reads; a later one is answered once others are in progress
			for until := time.Now().Add(5 * time.Second); most.Load() < 3 && time.Now().Before(until); {
				time.Sleep(time.Millisecond)
			}
		}
		under.Add(-1)
		return false
	}}
	b := serve(t, s, content)
	o, err := b.Stat(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	r := b.Reader(t.Context(), o)
	s.requests.Store(0)
	p := make([]byte, 100_000)
	for at := 0; at+len(p) <= len(content); at += len(p) {
		if _, err := r.ReadAt(p, int64(at)); err != nil || !bytes.Equal(p, content[at:at+len(p)]) {
			t.Fatalf("at %d: %v", at, err)
		}
	}
	if n := s.requests.Load(); n != 10 || most.Load() < 3 || most.Load() > mostAhead+1 {
		t.Errorf("%d requests for 10 blocks, at most %d at once", n, most.Load())
	}
	b.blocks.mu.Lock()
	held := b.blocks.held
	b.blocks.mu.Unlock()
	if held > mostBlocks {
		t.Errorf("%d bytes are cached", held)
	}

	small := random(100_000)
	s.content.Store(&small)
	if o, err = b.Stat(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	s.requests.Store(0)
	r = b.Reader(t.Context(), o)
	for range 3 {
		r.Ahead()
	}
	if _, err := r.ReadAt(p, 0); err != nil || !bytes.Equal(p, small) || s.requests.Load() != 1 {
		t.Errorf("a request ahead: %v after %d requests", err, s.requests.Load())
	}
	s.fault = func(int64, http.ResponseWriter) bool { time.Sleep(100 * time.Millisecond); return false }
	b.Reader(t.Context(), Object{Size: 1000, Version: "other"}).Ahead()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	before := s.requests.Load()
	r.Ahead()
	if s.requests.Load() != before {
		t.Error("a closed bucket sends more requests")
	}
}

func TestWhatEndsReading(t *testing.T) {
	s := &server{}
	content := random(1 << 20)
	b := serve(t, s, content)
	o, err := b.Stat(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.requests.Store(0)
	other := append([]byte{content[0] + 1}, content[1:]...)
	s.content.Store(&other)
	_, err = b.Reader(t.Context(), o).ReadAt(make([]byte, 10), 0)
	if !errors.Is(err, ErrChanged) || s.requests.Load() != 1 {
		t.Errorf("a file that was replaced: %v after %d requests", err, s.requests.Load())
	}
	for status, want := range map[int]error{404: fs.ErrNotExist, 403: fs.ErrPermission} {
		s.requests.Store(0)
		s.fault = func(_ int64, w http.ResponseWriter) bool { return refuse(w, status) }
		if _, err := b.Stat(t.Context(), ""); !errors.Is(err, want) || s.requests.Load() != 1 {
			t.Errorf("status %d: %v after %d requests", status, err, s.requests.Load())
		}
	}
	s.requests.Store(0)
	s.fault = func(_ int64, w http.ResponseWriter) bool { return refuse(w, 500) }
	if _, err := b.Stat(t.Context(), ""); err == nil || s.requests.Load() != attempts || strings.Contains(err.Error(), "secret") {
		t.Errorf("a failing server: %v after %d requests", err, s.requests.Load())
	}
	s.fault = func(_ int64, w http.ResponseWriter) bool { _, _ = io.WriteString(w, "the whole"); return true }
	if _, err := b.Stat(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "does not give parts of files") {
		t.Errorf("a server without ranges: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.fault = func(_ int64, w http.ResponseWriter) bool { cancel(); return refuse(w, 500) }
	if _, err := b.Stat(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context ended: %v", err)
	}
}

// TestSilence: a request to a silent server is abandoned after a while, and sent again.
func TestSilence(t *testing.T) {
	s := &server{}
	b := serve(t, s, random(1000))
	o, err := b.Stat(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	b.stall = 20 * time.Millisecond
	end := make(chan struct{})
	defer close(end)
	s.requests.Store(0)
	s.fault = func(n int64, w http.ResponseWriter) bool {
		if n == 1 {
			w.Header().Set("Content-Range", "bytes 0-9/1000")
			w.Header().Set("ETag", o.Version)
			w.Header().Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusPartialContent)
			w.(http.Flusher).Flush()
			<-end
			return true
		}
		return false
	}
	if n, err := b.Reader(t.Context(), o).ReadAt(make([]byte, 10), 0); n != 10 || err != nil || s.requests.Load() != 2 {
		t.Errorf("%d bytes, %v after %d requests", n, err, s.requests.Load())
	}
}

func TestAddresses(t *testing.T) {
	for name, want := range map[string]string{
		"s3://bucket/a/b":                       "s3://bucket/a/b",
		"https://user:secret@host/a?X=secret#b": "https://host/a?…",
		"folder/file":                           "folder/file",
		`C:\data?x`:                             `C:\data?x`,
		"s3://key:secret@bucket/a":              "s3://bucket/a",
	} {
		if got := Public(name); got != want {
			t.Errorf("%s is shown as %s, want %s", name, got, want)
		}
	}
	for address, want := range map[string]string{
		"s3://":                    "names no bucket",
		"s3://key:secret@bucket/a": "s3://bucket/a: put credentials into the environment",
		"https://u:secret@h/a.tar": "https://h/a.tar: put credentials into the environment",
		"http://example.com/a.tar": "is not encrypted",
	} {
		if _, _, err := Open(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want %q", address, err, want)
		}
	}
	for name, want := range map[string]bool{"s3://b": true, "https://h/a": true, "data": false, "data:x//y": false, "ftp://x": false} {
		if Is(name) != want {
			t.Errorf("%s is an address: %v", name, !want)
		}
	}
}
