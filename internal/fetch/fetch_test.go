package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain makes the test binary a process that downloads, for tests that need a second one.
func TestMain(m *testing.M) {
	if address := os.Getenv("FETCH_ADDRESS"); address != "" {
		f := File{Path: os.Getenv("FETCH_PATH"), Most: 1 << 20, Note: func(text string) { fmt.Println(text) }}
		if err := f.Download(context.Background(), Source{Address: address, Plain: true}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process downloads in another process.
func process(t *testing.T, address, path string, environment ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(append(os.Environ(), "FETCH_ADDRESS="+address, "FETCH_PATH="+path), environment...)
	return c
}

var content = bytes.Repeat([]byte("0123456789abcdef"), 1000)

// server serves one file, in ranges if it has a tag, and may break off or go silent.
type server struct {
	sync.Mutex
	content []byte
	tag     string
	cut     int  // bytes after which a connection ends; 0: never
	silent  bool // instead of ending there, send nothing more
	ranges  []string
	sent    chan struct{} // closed when a connection goes silent
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	content, tag, cut, silent := s.content, s.tag, s.cut, s.silent
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	s.Unlock()
	start, status := 0, http.StatusOK
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && r.Header.Get("If-Range") == tag {
		start, _ = strconv.Atoi(strings.TrimSuffix(from, "-"))
		status = http.StatusPartialContent
		if start >= len(content) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(content)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(content)-1, len(content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-start))
	w.WriteHeader(status)
	end := len(content)
	if cut > 0 {
		end = min(start+cut, end)
	}
	_, _ = w.Write(content[start:end]) // a client that hangs up is not this handler's concern
	if silent {
		w.(http.Flusher).Flush()
		if s.sent != nil {
			close(s.sent)
		}
		<-r.Context().Done()
	}
}

func (s *server) asked() []string {
	s.Lock()
	defer s.Unlock()
	return slices.Clone(s.ranges)
}

// start serves over plain http.
func start(t *testing.T, h http.Handler) Source {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Source{Address: s.URL + "/weights.pth", Plain: true}
}

func target(t *testing.T) File {
	return File{Path: filepath.Join(t.TempDir(), "weights.pth"), Most: 1 << 20}
}

// holds fails unless the file exists with the given content, and nothing beside it except its lock.
func holds(t *testing.T, f File, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(f.Path); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes arrived, want %d: %v", len(got), len(want), err)
	}
	left(t, f, "weights.pth")
}

// left fails if the file's folder contains anything except the named files and the lock.
func left(t *testing.T, f File, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(f.Path))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Name() != ".weights.pth.lock" {
			got = append(got, e.Name())
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("the folder contains %q, want %q", got, names)
	}
}

// resumed downloads the rest of a file after its first 3,000 bytes.
func (s *server) resumed(t *testing.T, f File, from Source) {
	t.Helper()
	s.cut = 0
	if err := f.Download(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	holds(t, f, content)
	if got := s.asked(); got[len(got)-1] != "bytes=3000-" {
		t.Errorf("requested %q", got)
	}
}

// says fails unless the error is one line that contains the given texts.
func says(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range append(wants, "") {
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want one line with %q", err, want)
		}
	}
}

func TestADownloadGoesOnWhereItWasCut(t *testing.T) {
	t.Run("in one call", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 7000}
		f := target(t)
		var last, total int64
		f.Progress = func(d, n int64) { last, total = d, n }
		if err := f.Download(t.Context(), start(t, s)); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
		if want := []string{"", "bytes=7000-", "bytes=14000-"}; !slices.Equal(s.asked(), want) {
			t.Errorf("requested %q, want %q", s.asked(), want)
		}
		if last != 16000 || total != 16000 {
			t.Errorf("reported %d of %d at the end", last, total)
		}
	})
	t.Run("in a later one", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 1000}
		f, from := target(t), start(t, s)
		says(t, f.Download(t.Context(), from), from.Address, "3000 of 16000 bytes")
		s.resumed(t, f, from)
	})
	t.Run("from the beginning when the file has changed", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 1000}
		f, from := target(t), start(t, s)
		says(t, f.Download(t.Context(), from), "3000 of 16000 bytes")
		s.cut, s.tag, s.content = 0, `"2"`, slices.Concat([]byte("new"), content)
		if err := f.Download(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		holds(t, f, s.content)
	})
	t.Run("from the beginning when the server gives no version", func(t *testing.T) {
		s := &server{content: content, cut: 1000}
		f, from := target(t), start(t, s)
		says(t, f.Download(t.Context(), from), "1000 of 16000 bytes")
		s.cut = 0
		if err := f.Download(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	})
	t.Run("from the beginning at another address", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 1000}
		f := target(t)
		says(t, f.Download(t.Context(), start(t, s)), "3000 of 16000 bytes")
		other := &server{content: bytes.ToUpper(content), tag: `"1"`}
		if err := f.Download(t.Context(), start(t, other)); err != nil {
			t.Fatal(err)
		}
		holds(t, f, other.content)
	})
}

// A process may end between the last byte and the rename.
func TestAWholePartIsNotAskedForAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		total int64
		asks  int
	}{{"of a known length", 16000, 0}, {"of a length that was not announced", -1, 1}} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{content: content, tag: `"1"`}
			f, from := target(t), start(t, s)
			if err := errors.Join(f.remember(state{Address: from.Address, Version: `"1"`, Total: c.total}), os.WriteFile(f.part(), content, 0o600)); err != nil {
				t.Fatal(err)
			}
			if err := f.Download(t.Context(), from); err != nil {
				t.Fatal(err)
			}
			holds(t, f, content)
			if len(s.asked()) != c.asks {
				t.Errorf("requested %q", s.asked())
			}
		})
	}
	t.Run("unless it exceeds the largest allowed size", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`}
		f, from := target(t), start(t, s)
		if err := errors.Join(f.remember(state{Address: from.Address, Version: `"1"`, Total: -1}), os.WriteFile(f.part(), append(content, 'x'), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := f.Download(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	})
}

// What cannot be the rest of a file, nor a newer version of it, leaves the part alone; so does a file given instead that turns out to be another one.
func TestAPartOutlivesWhatIsNotTheFile(t *testing.T) {
	page := []byte("<!DOCTYPE html><title>Log in</title>")
	answer := func(kind string, length bool, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			if length {
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			}
			_, _ = w.Write(body)
			w.(http.Flusher).Flush()
		}
	}
	for name, other := range map[string]http.HandlerFunc{
		"a page":                    answer("text/html; charset=utf-8", true, page),
		"a page of unknown length":  answer("text/html", false, page),
		"a large page":              answer("text/html", true, bytes.Repeat(page, 1000)),
		"an error in JSON":          answer("application/json", true, []byte(`{"error": "quota"}`)),
		"something without a type":  answer("", true, page),
		"something of another type": answer("application/octet-stream", true, content[:100]),
		"nothing":                   answer("application/octet-stream", true, nil),
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{content: content, tag: `"1"`, cut: 1000}
			var away atomic.Bool
			from := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if away.Load() {
					other(w, r)
				} else {
					s.ServeHTTP(w, r)
				}
			}))
			f := target(t)
			says(t, f.Download(t.Context(), from), "3000 of 16000 bytes")
			away.Store(true)
			says(t, f.Download(t.Context(), from), from.Address, "is not the file", "kept in "+f.part(), "remove that one")
			says(t, f.Download(t.Context(), start(t, other)), "is not the file") // another address
			left(t, f, "weights.pth.part", "weights.pth.part.json")
			away.Store(false)
			s.resumed(t, f, from)
		})
	}
	t.Run("a copy", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 1000}
		f, from := target(t), start(t, s)
		says(t, f.Download(t.Context(), from), "3000 of 16000 bytes")
		wrong, right := filepath.Join(t.TempDir(), "wrong"), filepath.Join(t.TempDir(), "right")
		if err := errors.Join(os.WriteFile(wrong, page, 0o600), os.WriteFile(right, content, 0o600)); err != nil {
			t.Fatal(err)
		}
		hash := sha256.Sum256(content)
		f.SHA256 = hex.EncodeToString(hash[:])
		says(t, f.Copy(t.Context(), wrong), wrong+" cannot be used")
		left(t, f, "weights.pth.part", "weights.pth.part.json")
		if err := f.Copy(t.Context(), right); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	})
}

func TestASilentServerEndsTheDownload(t *testing.T) {
	t.Run("in the middle, and the data received are kept", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 5000, silent: true}
		f, from := target(t), start(t, s)
		from.Stall = 100 * time.Millisecond
		err := f.Download(t.Context(), from)
		says(t, err, from.Address, "no data arrived for 100ms after 5000 of 16000 bytes", "kept")
		if !errors.Is(err, ErrStalled) {
			t.Errorf("%v is not ErrStalled", err)
		}
		left(t, f, "weights.pth.part", "weights.pth.part.json")
		s.cut, s.silent = 0, false
		if err := f.Download(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	})
	t.Run("before it answers", func(t *testing.T) {
		from := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		from.Stall = 100 * time.Millisecond
		f := target(t)
		err := f.Download(t.Context(), from)
		says(t, err, from.Address, "no data arrived for 100ms")
		if strings.Contains(err.Error(), "kept") {
			t.Errorf("%v, and no data arrived", err)
		}
		left(t, f)
	})
	t.Run("but not a slow one", func(t *testing.T) {
		from := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := range 10 {
				time.Sleep(60 * time.Millisecond) // in total, longer than the server may be silent
				_, _ = w.Write(content[i*1600:][:1600])
				w.(http.Flusher).Flush()
			}
		}))
		from.Stall = 500 * time.Millisecond
		f := target(t)
		if err := f.Download(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	})
}

func TestMoreThanThereCanBeIsStopped(t *testing.T) {
	t.Run("announced", func(t *testing.T) {
		f := target(t)
		f.Most = 15999
		from := start(t, &server{content: content, tag: `"1"`})
		says(t, f.Download(t.Context(), from), from.Address, "16000 bytes", "at most 15999")
	})
	t.Run("without end", func(t *testing.T) {
		from := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, err := w.Write(content); err == nil; _, err = w.Write(content) {
			}
		}))
		f := target(t)
		f.Most = 100_000
		says(t, f.Download(t.Context(), from), from.Address, "more than 100000 bytes")
		left(t, f)
	})
	t.Run("on a disk", func(t *testing.T) {
		from := filepath.Join(t.TempDir(), "large")
		if err := os.WriteFile(from, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f := target(t)
		f.Most = 15999
		says(t, f.Copy(t.Context(), from), from, "16000 bytes")
		left(t, f)
	})
}

func TestWhatIsNotTheFileIsRemoved(t *testing.T) {
	page := []byte("<!DOCTYPE html><title>Log in</title>")
	from := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(from, page, 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(_ context.Context, name string) error {
		if b, err := os.ReadFile(name); err != nil || bytes.HasPrefix(b, []byte("<")) {
			return errors.New("a page instead of weights")
		}
		return nil
	}
	hash := sha256.Sum256(content)
	sum := hex.EncodeToString(hash[:])
	for name, expect := range map[string]func(f *File){
		"a page instead of weights": func(f *File) { f.Check = check },
		"want " + sum:               func(f *File) { f.SHA256 = sum },
	} {
		f := target(t)
		expect(&f)
		source := start(t, &server{content: page, tag: `"1"`})
		says(t, f.Download(t.Context(), source), name, source.Address, "removed")
		left(t, f)
		says(t, f.Copy(t.Context(), from), name, from+" cannot be used")
		left(t, f)
		if err := f.Download(t.Context(), start(t, &server{content: content, tag: `"2"`})); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	}
}

func TestOnlyTheEncryptedIsAskedUnlessTheUserNamesAnAddress(t *testing.T) {
	plain := start(t, &server{content: content, tag: `"1"`})
	var to string
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }))
	defer secure.Close()
	transport := secure.Client().Transport.(*http.Transport)
	t.Run("plain http", func(t *testing.T) {
		f := target(t)
		says(t, f.Download(t.Context(), Source{Address: plain.Address}), plain.Address, "not encrypted", "refused")
		left(t, f)
	})
	t.Run("other schemes, and none", func(t *testing.T) {
		f := target(t)
		says(t, f.Download(t.Context(), Source{Address: "ftp://host/file", Plain: true}), "ftp://host/file", "https")
		says(t, f.Download(t.Context(), Source{Address: "weights.pth", Plain: true}), `"weights.pth" is not an address`)
	})
	t.Run("https that redirects to http", func(t *testing.T) {
		to = plain.Address
		f := target(t)
		for _, named := range []bool{false, true} {
			err := f.Download(t.Context(), Source{Address: secure.URL + "/weights.pth", Plain: named, transport: transport})
			says(t, err, secure.URL, "redirects to "+plain.Address, "not encrypted")
		}
		left(t, f)
	})
	t.Run("http that redirects to http", func(t *testing.T) {
		to = plain.Address
		f := target(t)
		if err := f.Download(t.Context(), start(t, http.RedirectHandler(plain.Address, http.StatusFound))); err != nil {
			t.Fatal(err)
		}
		holds(t, f, content)
	})
	t.Run("in circles", func(t *testing.T) {
		to = secure.URL + "/weights.pth"
		f := target(t)
		says(t, f.Download(t.Context(), Source{Address: to, transport: transport}), "more than ten redirections")
	})
}

// A token is sent only to its host, and neither the token nor the secret parts of an address appear in a message or file.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	var mutex sync.Mutex
	seen := map[string]string{}
	see := func(who string, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		seen[who] = r.Header.Get("Authorization") + r.Header.Get("Referer")
	}
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		see("other", r)
		w.Header().Set("ETag", `"1"`)
		_, _ = w.Write(content)
	}))
	defer other.Close()
	own := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		see("own", r)
		http.Redirect(w, r, other.URL+"/signed?Signature=sesame", http.StatusFound)
	}))
	defer own.Close()
	transport := other.Client().Transport.(*http.Transport) // all test servers share one certificate
	f := target(t)
	if err := f.Download(t.Context(), Source{Address: own.URL + "/weights.pth?Policy=sesame", Token: "sesame", transport: transport}); err != nil {
		t.Fatal(err)
	}
	holds(t, f, content)
	if seen["own"] != "Bearer sesame" || seen["other"] != "" {
		t.Errorf("sent %q", seen)
	}
	t.Run("over plain http", func(t *testing.T) {
		from := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { see("plain", r) }))
		from.Token = "sesame"
		if err := target(t).Download(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		if seen["plain"] != "" {
			t.Errorf("sent %q", seen["plain"])
		}
	})
	t.Run("errors and states", func(t *testing.T) {
		s := &server{content: content, tag: `"1"`, cut: 1000}
		from := start(t, s)
		from.Address = strings.Replace(from.Address, "http://", "http://me:sesame@", 1) + "?Signature=sesame"
		f := target(t)
		cut := f.Download(t.Context(), from)
		remembered, err := os.ReadFile(f.state())
		if err != nil {
			t.Fatal(err)
		}
		gone := httptest.NewServer(nil)
		gone.Close()
		dead := Source{Address: gone.URL + "/weights.pth?Signature=sesame", Plain: true}
		refused := f.Download(t.Context(), dead)
		plain := f.Download(t.Context(), Source{Address: from.Address})
		for _, text := range []string{fmt.Sprint(cut), string(remembered), fmt.Sprint(refused), fmt.Sprint(plain)} {
			if strings.Contains(text, "sesame") || !strings.Contains(text, "?…") {
				t.Errorf("%q", text)
			}
		}
	})
}

func TestAnswersThatAreNotTheFile(t *testing.T) {
	t.Run("a status", func(t *testing.T) {
		from := start(t, http.NotFoundHandler())
		err := target(t).Download(t.Context(), from)
		says(t, err, from.Address, "404 Not Found")
		if status := (*StatusError)(nil); !errors.As(err, &status) || status.Code != 404 {
			t.Errorf("%v is not a StatusError", err)
		}
	})
	t.Run("another encoding", func(t *testing.T) {
		from := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != "identity" {
				t.Errorf("Accept-Encoding %q", got)
			}
			w.Header().Set("Content-Encoding", "gzip")
		}))
		says(t, target(t).Download(t.Context(), from), from.Address, `encoded as "gzip"`)
	})
	t.Run("nothing", func(t *testing.T) {
		f := target(t)
		if err := f.Download(t.Context(), start(t, &server{tag: `"1"`})); err != nil {
			t.Fatal(err)
		}
		holds(t, f, nil)
	})
}

func TestAFileIsFetchedOnceForAll(t *testing.T) {
	s := &server{content: content, tag: `"1"`}
	f, from := target(t), start(t, s)
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { errs[i] = f.Download(t.Context(), from) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	holds(t, f, content)
	if len(s.asked()) != 1 {
		t.Errorf("%d requests", len(s.asked()))
	}
}

func TestAnotherProcessIsWaitedForAndTakenOver(t *testing.T) {
	s := &server{content: content, tag: `"1"`, cut: 5000, silent: true, sent: make(chan struct{})}
	f, from := target(t), start(t, s)
	first := process(t, from.Address, f.Path)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-s.sent
	come(f, 5000)
	s.Lock()
	s.cut, s.silent = 0, false
	s.Unlock()
	var note atomic.Value
	var once sync.Once
	told := make(chan struct{})
	f.Note = func(text string) { note.Store(text) }
	f.Progress = func(done, total int64) {
		if done == 5000 && total == 16000 {
			once.Do(func() { close(told) })
		}
	}
	ended := make(chan error)
	go func() { ended <- f.Download(t.Context(), from) }()
	<-told // progress of the other process
	if text, _ := note.Load().(string); !strings.Contains(text, "waiting for another process that is downloading "+f.Path+", 5.0 kB so far") {
		t.Errorf("note %q", text)
	}
	// While one download waits, others are free.
	other := target(t)
	if err := other.Download(t.Context(), start(t, &server{content: content, tag: `"1"`})); err != nil {
		t.Fatal(err)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // its error says that it was killed
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	holds(t, f, content)
	if want := []string{"", "bytes=5000-"}; !slices.Equal(s.asked(), want) {
		t.Errorf("requested %q, want %q", s.asked(), want)
	}
}

// come waits until the part has n bytes.
func come(f File, n int64) {
	for have, _ := f.sofar(); have < n; have, _ = f.sofar() {
		time.Sleep(10 * time.Millisecond)
	}
}

func TestWaitingForAnotherEndsWithTheContext(t *testing.T) {
	s := &server{content: content, tag: `"1"`, cut: 5000, silent: true, sent: make(chan struct{})}
	f, from := target(t), start(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Download(ctx, from) }()
	<-s.sent
	come(f, 5000)
	over, stop := context.WithCancel(t.Context())
	waiting := f
	waiting.Note = func(string) { stop() }
	if err := waiting.Download(over, from); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("downloading: %v", err)
	}
	left(t, f, "weights.pth.part", "weights.pth.part.json")
}

// A process reads the proxy variables of its environment only once, so another process is needed.
func TestTheProxyOfTheEnvironmentIsAsked(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		_, _ = w.Write(content)
	}))
	defer proxy.Close()
	f := target(t)
	const address = "http://weights.invalid/weights.pth"
	c := process(t, address, f.Path, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	holds(t, f, content)
	if asked.Load() != address {
		t.Errorf("the proxy received requests for %v", asked.Load())
	}
}

func TestPublic(t *testing.T) {
	for address, want := range map[string]string{
		"https://host/a.pth":                 "https://host/a.pth",
		"https://me:secret@host/a.pth?Key=s": "https://me:xxxxx@host/a.pth?…",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := Public(u); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
