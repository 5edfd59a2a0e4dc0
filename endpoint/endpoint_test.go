package endpoint

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"iconic/classify"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mean is a model whose cluster is the mean of the red channel divided by ten.
type mean struct {
	hold    chan struct{} // when not nil, each batch waits for a value
	failure error
	mu      sync.Mutex
	batches []int
}

const side = 4

func (m *mean) Pixels() int { return 3 * side * side }

func (m *mean) Prepare(ctx context.Context, dst []float32, content []byte, maxPixels int, s *pixels.Scratch) error {
	im, _, err := pixels.DecodeContext(ctx, content, pixels.DecodeOptions{MaxPixels: maxPixels})
	if err != nil {
		return err
	}
	one := [3]float32{1, 1, 1}
	return pixels.Transform{Whole: true, Crop: side, Std: one}.Apply(dst, im, s)
}

func (m *mean) Classify(ctx context.Context, prepared []float32, n int) ([]classify.Prediction, error) {
	m.mu.Lock()
	m.batches = append(m.batches, n)
	m.mu.Unlock()
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if m.failure != nil {
		return nil, m.failure
	}
	all := make([]classify.Prediction, n)
	for i := range all {
		sum := float32(0)
		for _, v := range prepared[i*m.Pixels():][:side*side] {
			sum += v
		}
		all[i].Cluster = int(sum/side/side*255/10 + 0.5)
	}
	return all, nil
}

// grey is a PNG of cluster v/10.
func grey(t testing.TB, v uint8, width, height int) []byte {
	t.Helper()
	im := image.NewGray(image.Rect(0, 0, width, height))
	for i := range im.Pix {
		im.Pix[i] = v
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// start serves a model until the test ends.
func start(t testing.TB, m *mean, o Options) (*Endpoint, *httptest.Server) {
	t.Helper()
	e, err := New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx) })
	s := httptest.NewServer(e)
	t.Cleanup(func() {
		s.Close()
		stop()
		running.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	return e, s
}

func post(t testing.TB, url, kind string, body io.Reader) (status int, text string) {
	t.Helper()
	r, err := http.Post(url, kind, body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, string(b)
}

func TestAnswersManyAtOnceInBatches(t *testing.T) {
	m := &mean{hold: make(chan struct{})}
	_, s := start(t, m, Options{Batch: 5})
	var clients sync.WaitGroup
	for v := range 21 {
		clients.Go(func() {
			status, text := post(t, s.URL, "image/png", bytes.NewReader(grey(t, uint8(10*v), 9, 7)))
			var p classify.Prediction
			if err := json.Unmarshal([]byte(text), &p); status != http.StatusOK || err != nil || p.Cluster != v {
				t.Errorf("grey %d: %d, %s", 10*v, status, text)
			}
		})
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	for feeding := true; feeding; {
		select {
		case m.hold <- struct{}{}:
			time.Sleep(20 * time.Millisecond) // let others gather
		case <-done:
			feeding = false
		}
	}
	sum, largest := 0, 0
	for _, n := range m.batches {
		sum += n
		largest = max(largest, n)
	}
	if sum != 21 || largest < 2 || largest > 5 {
		t.Errorf("batches of %v", m.batches)
	}
}

func TestForms(t *testing.T) {
	_, s := start(t, &mean{}, Options{MaxBytes: 4000})
	form := func(content []byte, names ...string) (string, io.Reader) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		if err := w.WriteField("comment", "none"); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			f, err := w.CreateFormFile("image", name)
			if err == nil {
				_, err = f.Write(content)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return w.FormDataContentType(), &b
	}
	picture := grey(t, 120, 5, 5)
	for _, c := range []struct {
		what    string
		content []byte
		names   []string
		status  int
		want    string
	}{
		{"a form", picture, []string{"a.png"}, http.StatusOK, `"cluster":12`},
		{"a form with a field for a file that was not chosen", picture, []string{"a.png", ""}, http.StatusOK, `"cluster":12`},
		{"a form without a file", nil, nil, http.StatusBadRequest, `{"error":"the form holds no file: send the image as one"}`},
		{"a form of two files", picture, []string{"a.png", "b.png"}, http.StatusBadRequest, `{"error":"the form holds more than one file: send one image per request"}`},
		{"two files larger than the first read", append(picture, make([]byte, 1000)...), []string{"a.png", "", "b.png"}, http.StatusBadRequest, "more than one file"},
		{"a large form", make([]byte, 10000), []string{"a.png"}, http.StatusRequestEntityTooLarge, ""},
		{"a form that the second file makes large", append(picture, make([]byte, 2000)...), []string{"a.png", "", ""}, http.StatusRequestEntityTooLarge, ""},
	} {
		kind, body := form(c.content, c.names...)
		if status, text := post(t, s.URL, kind, body); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d, %s", c.what, status, text)
		}
	}
}

// A form that ends before its file is not one without a file.
func TestAFormIsCutShort(t *testing.T) {
	_, s := start(t, &mean{}, Options{})
	status, text := post(t, s.URL, "multipart/form-data; boundary=b", strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b"))
	if status != http.StatusBadRequest || !strings.Contains(text, "the form is cut short") || strings.Contains(text, "EOF") {
		t.Errorf("%d, %s", status, text)
	}
}

// A body that does not arrive before the server ends is the server's fault, not the client's.
func TestBodyAtTheEnd(t *testing.T) {
	e, s := start(t, &mean{}, Options{Body: 200 * time.Millisecond})
	slow, never := io.Pipe()
	defer never.Close()
	e.End()
	if status, text := post(t, s.URL, "", slow); status != http.StatusServiceUnavailable || !strings.Contains(text, `{"error":"the server is shutting down: send it again"}`) {
		t.Errorf("a slow body: %d, %s", status, text)
	}
	if status, text := post(t, s.URL, "", bytes.NewReader(grey(t, 50, 6, 6))); status != http.StatusOK {
		t.Errorf("a quick one: %d, %s", status, text)
	}
}

func TestRefusals(t *testing.T) {
	_, s := start(t, &mean{}, Options{MaxBytes: 5000, MaxPixels: 10000, Body: 200 * time.Millisecond, Hosts: []string{"127.0.0.1"}})
	whole := grey(t, 50, 60, 60)
	chunked := func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b)) } // of unknown length
	slow, never := io.Pipe()
	defer never.Close()
	for name, c := range map[string]struct {
		body   io.Reader
		status int
		want   string
	}{
		"text":               {strings.NewReader("hello"), http.StatusUnsupportedMediaType, "not an image"},
		"nothing":            {strings.NewReader(""), http.StatusUnsupportedMediaType, "empty"},
		"a damaged image":    {bytes.NewReader(whole[:len(whole)-30]), http.StatusUnprocessableEntity, "damaged"},
		"too many pixels":    {bytes.NewReader(grey(t, 1, 101, 100)), http.StatusRequestEntityTooLarge, "101×100 pixels"},
		"too many bytes":     {bytes.NewReader(make([]byte, 5001)), http.StatusRequestEntityTooLarge, "5001 bytes"},
		"too many in pieces": {chunked(append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 5000)...)), http.StatusRequestEntityTooLarge, "more than 5000 bytes"},
		"too slow":           {slow, http.StatusRequestTimeout, "within 200ms"},
		"right":              {chunked(whole), http.StatusOK, `"cluster":5`},
	} {
		if status, text := post(t, s.URL, "application/octet-stream", c.body); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d, %s", name, status, text)
		}
	}
	for name, c := range map[string]struct {
		method, path, host, origin string
		status                     int
	}{
		"another method":   {"PUT", "/", "", "", http.StatusMethodNotAllowed},
		"to delete":        {"DELETE", "/", "", "", http.StatusMethodNotAllowed},
		"health by POST":   {"POST", "/healthz", "", "", http.StatusMethodNotAllowed},
		"metrics by PUT":   {"PUT", "/metrics", "", "", http.StatusMethodNotAllowed},
		"another path":     {"POST", "/else", "", "", http.StatusNotFound},
		"a file's path":    {"PUT", "/x.png", "", "", http.StatusNotFound},
		"another name":     {"POST", "/", "evil.example", "", http.StatusMisdirectedRequest},
		"to read it":       {"GET", "/", "evil.example", "", http.StatusMisdirectedRequest},
		"another web site": {"POST", "/", "", "http://evil.example", http.StatusForbidden},
		"no report":        {"GET", "/", "", "", http.StatusNotFound},
	} {
		r, err := http.NewRequest(c.method, s.URL+c.path, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if c.host != "" {
			r.Host = c.host
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Error string }
		problem := json.NewDecoder(answer.Body).Decode(&body)
		answer.Body.Close()
		if answer.StatusCode != c.status {
			t.Errorf("%s: %s", name, answer.Status)
		}
		if kind := answer.Header.Get("Content-Type"); problem != nil || body.Error == "" || kind != "application/json" {
			t.Errorf("%s: no reason: %v, %s", name, problem, kind)
		}
		if c.status == http.StatusMethodNotAllowed && !strings.Contains(answer.Header.Get("Allow"), "GET") {
			t.Errorf("%s: allows %q", name, answer.Header.Get("Allow"))
		}
	}
	metrics, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, err := io.ReadAll(metrics.Body)
	for status, count := range map[string]int{"403": 1, "404": 3, "405": 4, "421": 2} {
		if want := fmt.Sprintf("iconic_requests_total{status=%q} %d\n", status, count); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("the metrics lack %s: %v", want, err)
		}
	}
}

// An image that its headers say to be encoded for the transport is refused by the name of the header, not as something else than an image.
func TestEncodedBodies(t *testing.T) {
	_, s := start(t, &mean{}, Options{})
	whole := grey(t, 50, 60, 60)
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, err := parts.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="a"; filename="a.png"`}, "Content-Transfer-Encoding": {"base64"}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, base64.StdEncoding.EncodeToString(whole))
	parts.Close()
	for name, c := range map[string]struct {
		kind, header, value string
		body                []byte
		status              int
		want                string
	}{
		"a form":   {parts.FormDataContentType(), "", "", form.Bytes(), http.StatusUnsupportedMediaType, `the file of the form has Content-Transfer-Encoding \"base64\"`},
		"gzip":     {"", "Content-Encoding", "gzip", whole, http.StatusUnsupportedMediaType, `the body has Content-Encoding \"gzip\"`},
		"identity": {"", "Content-Encoding", "identity", whole, http.StatusOK, `"cluster":5`},
	} {
		r, err := http.NewRequest(http.MethodPost, s.URL, bytes.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", c.kind)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.status || !strings.Contains(string(text), c.want) {
			t.Errorf("%s: %d, %s, %v", name, answer.StatusCode, text, err)
		}
	}
}

// The listener for health says what it has, and does not ask for images, which it does not take.
func TestHealthTakesNoImages(t *testing.T) {
	e, _ := start(t, &mean{}, Options{})
	w := httptest.NewRecorder()
	e.Health().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
	if text := w.Body.String(); w.Code != http.StatusNotFound || !strings.Contains(text, "only /healthz and /metrics are here") {
		t.Errorf("%d, %s", w.Code, text)
	}
}

// A connection that breaks in the middle of a body costs other clients nothing.
func TestBodyCutShort(t *testing.T) {
	e, s := start(t, &mean{}, Options{})
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if status, _ := post(t, s.URL, "", bytes.NewReader(grey(t, 0, 3, 3))); status != http.StatusOK {
		t.Errorf("the next request: %d", status)
	}
	for len(e.places) > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestRefusesMoreThanItsPlacesAndTimesOut(t *testing.T) {
	m := &mean{hold: make(chan struct{})}
	e, s := start(t, m, Options{Places: 2, Batch: 1, Answer: 400 * time.Millisecond})
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			if status, text := post(t, s.URL, "", bytes.NewReader(grey(t, 0, 3, 3))); status != http.StatusServiceUnavailable || !strings.Contains(text, "no answer within 400ms") {
				t.Errorf("a waiting request: %d, %s", status, text)
			}
		})
	}
	for len(e.places) < 2 {
		time.Sleep(time.Millisecond)
	}
	r, err := http.Post(s.URL, "", bytes.NewReader(grey(t, 0, 3, 3)))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s, %v", r.Status, r.Header)
	}
	clients.Wait()
	close(m.hold)
	if status, _ := post(t, s.URL, "", bytes.NewReader(grey(t, 0, 3, 3))); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

// Clients that leave while they wait for the encoder do not delay others beyond their time limit, and their images are not encoded.
func TestDepartedClientsBlockNobody(t *testing.T) {
	m := &mean{hold: make(chan struct{})}
	e, s := start(t, m, Options{Places: 2, Batch: 1, Answer: time.Second})
	encoded := func() int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.batches)
	}
	picture := grey(t, 70, 3, 3)
	leave := func(once func() bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		var client sync.WaitGroup
		client.Go(func() {
			if answer, err := http.DefaultClient.Do(r); err == nil {
				t.Errorf("a client that left was answered: %s", answer.Status)
				answer.Body.Close()
			}
		})
		for !once() {
			time.Sleep(time.Millisecond)
		}
		cancel()
		client.Wait()
		for len(e.places) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	leave(func() bool { return encoded() == 1 })
	for range 3 {
		leave(func() bool { return e.waiting.len() == 1 })
	}
	if status, text := post(t, s.URL, "", bytes.NewReader(picture)); status != http.StatusServiceUnavailable || !strings.Contains(text, "no answer within") {
		t.Errorf("behind clients that left: %d, %s", status, text)
	}
	close(m.hold)
	if status, text := post(t, s.URL, "", bytes.NewReader(picture)); status != http.StatusOK || !strings.Contains(text, `"cluster":7`) {
		t.Errorf("afterwards: %d, %s", status, text)
	}
	if n := encoded(); n != 2 {
		t.Errorf("%d images were encoded: want the first one and the one whose client waited", n)
	}
}

func TestTellsWhatTheEncoderCannot(t *testing.T) {
	_, s := start(t, &mean{failure: errors.New("the device is gone")}, Options{})
	if status, text := post(t, s.URL, "", bytes.NewReader(grey(t, 0, 3, 3))); status != http.StatusInternalServerError || !strings.Contains(text, "the device is gone") {
		t.Errorf("%d, %s", status, text)
	}
}

// A thousand bodies of noise, and of images with noise in them: each gets an answer with a proper status.
func TestRandomBodies(t *testing.T) {
	e, s := start(t, &mean{}, Options{MaxBytes: 4096, MaxPixels: 1 << 16})
	e.accounts.least = time.Microsecond // the delay of refusals is tested elsewhere
	whole := grey(t, 77, 40, 30)
	var clients sync.WaitGroup
	for worker := range 4 {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 250 {
				b := append([]byte(nil), whole...)
				for range r.IntN(20) {
					b[r.IntN(len(b))] = byte(r.Uint32())
				}
				b = b[:r.IntN(len(b)+1)]
				if r.IntN(3) == 0 {
					b = make([]byte, r.IntN(6000))
					for i := range b {
						b[i] = byte(r.Uint32())
					}
				}
				switch status, text := post(t, s.URL, "image/png", bytes.NewReader(b)); status {
				case http.StatusOK, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
				default:
					t.Errorf("%d, %s", status, text)
				}
			}
		})
	}
	clients.Wait()
	allFree(t, e)
}

// allFree fails unless all places, memory and decoders have been given back.
func allFree(t *testing.T, e *Endpoint) {
	t.Helper()
	for len(e.places) > 0 {
		time.Sleep(time.Millisecond)
	}
	for name, l := range map[string]*lane{"light": e.light, "heavy": e.heavy} {
		for len(l.scratch) < cap(l.scratch) { // a decoder may outlive its request
			time.Sleep(time.Millisecond)
		}
		if err := l.memory.Take(t.Context(), l.memory.Total()); err != nil {
			t.Errorf("memory of the %s lane: %v", name, err)
			continue
		}
		l.memory.Give(l.memory.Total())
	}
}

func TestHealthReportAndMetrics(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	_, without := start(t, &mean{}, Options{Report: page})
	if err := os.WriteFile(page, []byte("<!doctype html><p>a page"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, s := start(t, &mean{}, Options{Report: page})
	fetch := func(address string) (int, string, http.Header) {
		r, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b), r.Header
	}
	get := func(path string) (int, string, http.Header) { return fetch(s.URL + path) }
	if err := os.WriteFile(page, []byte("<!doctype html><p>of edited clusters"), 0o600); err != nil { // by which the model does not predict
		t.Fatal(err)
	}
	if status, text, _ := fetch(without.URL + "/"); status != http.StatusNotFound || !strings.Contains(text, "POST an image") {
		t.Errorf("a run without a page: %d, %s", status, text)
	}
	if status, text, header := get("/"); status != http.StatusOK || !strings.Contains(text, "a page") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page: %d, %s, %v", status, text, header)
	}
	if status, _, _ := get("/healthz"); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
	post(t, s.URL, "", bytes.NewReader(grey(t, 0, 3, 3)))
	post(t, s.URL, "", strings.NewReader("text"))
	if _, text, _ := get("/metrics"); !strings.Contains(text, `iconic_requests_total{status="200"} 1`) || !strings.Contains(text, `iconic_requests_total{status="415"} 1`) || !strings.Contains(text, "iconic_images_encoded_total 1") {
		t.Errorf("metrics: %s", text)
	}
	e.End()
	if status, _, _ := get("/healthz"); status != http.StatusServiceUnavailable {
		t.Errorf("health while ending: %d", status)
	}
}

// A batch may have as many images as a run of the encoder, and what is run beforehand is no more than can come.
func TestLargestBatch(t *testing.T) {
	m := &mean{}
	e, err := New(m, Options{Batch: encoder.MaxBatch, Places: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.WarmUp(t.Context()); err != nil || !slices.Equal(m.batches, []int{1, 3}) {
		t.Errorf("batches of %d (%v)", m.batches, err)
	}
	var wrong *option.Error
	if _, err := New(m, Options{Batch: encoder.MaxBatch + 1}); !errors.As(err, &wrong) || wrong.Option != "Batch" {
		t.Errorf("one more: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{MaxBytes: -1}, {MaxPixels: -1}, {Places: -1}, {Places: 1 << 20}, {Decoders: -1}, {Decoders: math.MaxInt}, {Batch: -1}, {Batch: 1 << 20}, {Body: -1}, {Answer: -1},
		{MaxBytes: 1 << 40}, {MaxBytes: 100 << 20, Memory: 128 << 20}, {MaxPixels: 1 << 40}, {Body: 48 * time.Hour}, {Answer: math.MaxInt64}, {Memory: -1}, {Memory: 1}, {Memory: 1 << 50}} {
		if _, err := New(&mean{}, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// A request that promises more memory than is free is refused before its body is read, while a small one is still admitted.
func TestMemoryIsSharedOut(t *testing.T) {
	e, s := start(t, &mean{}, Options{Memory: 64 << 20})
	hold, err := e.heavy.take(e.heavy.memory.Total())
	if err != nil {
		t.Fatal(err)
	}
	if status, text := post(t, s.URL, "", bytes.NewReader(make([]byte, 2<<20))); status != http.StatusTooManyRequests || !strings.Contains(text, "memory") {
		t.Errorf("a heavy request: %d, %s", status, text)
	}
	if status, text := post(t, s.URL, "", bytes.NewReader(grey(t, 50, 60, 60))); status != http.StatusOK {
		t.Errorf("a light request: %d, %s", status, text)
	}
	hold.keep(0)
	if status, text := post(t, s.URL, "", bytes.NewReader(grey(t, 1, 5000, 5000))); status != http.StatusRequestEntityTooLarge || !strings.Contains(text, "memory budget") {
		t.Errorf("a picture larger than all memory: %d, %s", status, text)
	}
	allFree(t, e)
}

func TestReportIsARegularFile(t *testing.T) {
	folder := t.TempDir()
	secret, page := filepath.Join(folder, "secret"), filepath.Join(folder, "report.html")
	if err := errors.Join(os.WriteFile(secret, []byte("secret"), 0o600), os.Symlink(secret, page)); err != nil {
		t.Fatal(err)
	}
	_, s := start(t, &mean{}, Options{Report: page})
	r, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusNotFound || strings.Contains(string(b), "secret") {
		t.Errorf("a link: %d, %s, %v", r.StatusCode, b, err)
	}
}

func TestConnectionsOfAnAddressAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newBounded(inner, 10, 2)
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	var clients, taken []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	taken = append(taken, <-accepted, <-accepted)
	if _, err := clients[2].Read(make([]byte, 1)); err == nil {
		t.Error("a third connection is open")
	}
	for _, c := range taken {
		c.Close()
	}
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	(<-accepted).Close()
}

// An endpoint is served at a listener, and not again once it has ended: clients would be told that it is ending.
func TestServeRefusesWhatCannotBeServed(t *testing.T) {
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	e, err := New(&mean{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error, says string, closed ...net.Listener) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
		for _, l := range closed {
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a listener is open: %v", err)
			}
		}
	}
	health, again := listen(), listen()
	check(e.Serve(t.Context(), Serving{Health: health}), "there is no listener", health)
	check(ServeHandler(t.Context(), nil, e), "there is no listener")
	unused := listen()
	check(ServeHandler(t.Context(), unused, nil), "there is no handler", unused)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := e.Serve(ended, Serving{Listener: listen(), Drain: time.Second}); err != nil {
		t.Fatal(err)
	}
	check(e.Serve(t.Context(), Serving{Listener: again}), "the endpoint has ended", again)
}
