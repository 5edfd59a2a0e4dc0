package models

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iconic/internal/fetch"
	"iconic/internal/safetensors"
	"iconic/models/vit"
)

// published is an encoder with small weights for tests, and the content of their file.
func published(t *testing.T) (Encoder, []byte) {
	t.Helper()
	b, err := os.ReadFile(weightsFile(t, 16, 8))
	if err != nil {
		t.Fatal(err)
	}
	return Encoder{
		Name: "test", Title: "Test ViT", Licence: "Apache-2.0", URL: host + "test/test_pretrain.pth", Repository: "test/test",
		Architecture: vit.Architecture{Family: vit.DINO, Width: 16, Depth: 1, Heads: 2, Patch: 4, Grid: 8, Hidden: 32},
	}, b
}

// mirror serves one file under any path, with ranges, and counts the requests.
type mirror struct {
	sync.Mutex
	content []byte
	asked   []string
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.Lock()
	defer m.Unlock()
	m.asked = append(m.asked, r.URL.Path)
	w.Header().Set("ETag", `"1"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.content))
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// kept lists the weights left by a pull, and whether anything is recorded.
func kept(t *testing.T, cache string, e Encoder) (files []string, remembered bool) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache, "weights", e.Name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			files = append(files, e.Name())
		}
	}
	locks, err := readLocks(cache)
	if err != nil {
		t.Fatal(err)
	}
	return files, len(locks) > 0
}

func wants(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range append(texts, "") {
		if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want one line with %q", err, text)
		}
	}
}

func TestPullKeepsAndChecksTheChecksum(t *testing.T) {
	e, content := published(t)
	m := &mirror{content: content}
	o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
	first, err := Pull(t.Context(), e, o)
	if err != nil || !first.First || first.Bytes != int64(len(content)) || first.From != o.From+"/test/test_pretrain.pth" {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := Pull(t.Context(), e, o)
	if err != nil || again.First || again.SHA256 != first.SHA256 || len(m.asked) != 1 {
		t.Fatalf("%+v, %v after %d requests", again, err, len(m.asked))
	}
	if err := os.WriteFile(first.Path, content[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), e, o); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), first.SHA256) {
		t.Fatalf("changed weights: %v", err)
	}
	if err := os.Remove(first.Path); err != nil {
		t.Fatal(err)
	}
	m.content = slices.Clone(content)
	m.content[len(content)-1] ^= 1 // a number's exponent or sign, or less: still an encoder
	_, err = Pull(t.Context(), e, o)
	if wants(t, err, first.SHA256, first.From, "test/test_pretrain.pth", lockFile(o.Cache)); !errors.Is(err, ErrChanged) {
		t.Fatalf("weights changed at the source: %v", err)
	}
	if files, _ := kept(t, o.Cache, e); len(files) > 0 {
		t.Errorf("files %q are kept", files)
	}
	m.content = content
	if back, err := Pull(t.Context(), e, o); err != nil || back.SHA256 != first.SHA256 {
		t.Errorf("the weights seen before: %+v, %v", back, err)
	}
}

// Anything other than the encoder is neither kept nor recorded, wherever it comes from.
func TestPullLooksBeforeItRemembers(t *testing.T) {
	e, content := published(t)
	wider, err := os.ReadFile(weightsFile(t, 32, 8))
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(content)
	copy(damaged[len(damaged)-4:], "\x00\x00\xc0\x7f") // NaN
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"a page", []byte("<!DOCTYPE html><title>Log in</title>"), "an error page saved in place of the weights"},
		{"nothing", nil, "the file is empty"},
		{"truncated weights", content[:len(content)-100], "test_pretrain.pth"},
		{"another encoder's", wider, "weights of another encoder: want dino, 1 blocks of width 16"},
		{"a weight that is not a number", damaged, "NaN"},
		{"far too much", make([]byte, 64<<20+5*e.Architecture.Parameters()+1), "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "test_pretrain.pth")
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			m := &mirror{content: c.content}
			for _, from := range []string{serve(t, m), file, filepath.Dir(file)} {
				o := PullOptions{Cache: t.TempDir(), From: from}
				_, err := Pull(t.Context(), e, o)
				wants(t, err, c.want, from, e.URL)
				if files, remembered := kept(t, o.Cache, e); len(files) > 0 || remembered {
					t.Errorf("from %s: %q are kept, recorded %v", from, files, remembered)
				}
				o.From = serve(t, &mirror{content: content})
				if _, err := Pull(t.Context(), e, o); err != nil {
					t.Errorf("a good server after that: %v", err)
				}
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("the user's own file: %v", err)
			}
			t.Run("put there by hand", func(t *testing.T) {
				o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
				hand := filepath.Join(o.Cache, "weights", e.Name, "test_pretrain.pth")
				if err := errors.Join(os.MkdirAll(filepath.Dir(hand), 0o777), os.WriteFile(hand, c.content, 0o600)); err != nil {
					t.Fatal(err)
				}
				if c.name == "far too much" { // the size is bounded only for downloads
					c.want = hand
				}
				_, err := Pull(t.Context(), e, o)
				wants(t, err, c.want, hand, "remove the file, and pull again")
				if _, remembered := kept(t, o.Cache, e); remembered {
					t.Error("the file is recorded")
				}
			})
		})
	}
}

// Lock files of earlier versions may contain an error page.
func TestPullSaysHowToForgetWhatShouldNotHaveBeenRemembered(t *testing.T) {
	e, _ := published(t)
	cache := t.TempDir()
	hand := filepath.Join(cache, "weights", e.Name, "test_pretrain.pth")
	if err := errors.Join(os.MkdirAll(filepath.Dir(hand), 0o777), os.WriteFile(hand, []byte("<html>"), 0o600)); err != nil {
		t.Fatal(err)
	}
	sum, size, err := checksum(t.Context(), hand, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeLocks(cache, map[string]Locked{"test/test_pretrain.pth": {SHA256: sum, Bytes: size, From: "https://portal"}}); err != nil {
		t.Fatal(err)
	}
	_, err = Pull(t.Context(), e, PullOptions{Cache: cache})
	wants(t, err, hand, "an error page", "remove the file and its entry", lockFile(cache))
}

func TestPullSaysWhatToDoWhenNothingCanBeReached(t *testing.T) {
	e, _ := published(t)
	cache := t.TempDir()
	_, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: serve(t, http.NotFoundHandler())})
	wants(t, err, "404", e.URL+" by hand", filepath.Join(cache, "weights", e.Name), "a file to take it from")
}

func TestPullFromAFolderAFileAndByHand(t *testing.T) {
	e, content := published(t)
	folder := t.TempDir()
	name := filepath.Join(folder, "test_pretrain.pth")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{folder, name} {
		p, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: from})
		if err != nil || p.From != name {
			t.Errorf("%s: %+v, %v", from, p, err)
		}
	}
	cache := t.TempDir()
	hand := filepath.Join(cache, "weights", e.Name)
	if err := errors.Join(os.MkdirAll(hand, 0o777), os.WriteFile(filepath.Join(hand, "model.safetensors"), content, 0o600)); err != nil {
		t.Fatal(err)
	}
	if p, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: "http://127.0.0.1:1"}); err != nil || !p.First {
		t.Errorf("by hand: %+v, %v", p, err)
	}
	if _, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "test_pretrain.pth") {
		t.Errorf("an empty folder: %v", err)
	}
}

// A source given for weights that are in the cache already is compared with them; nothing is requested from an address, and that is noted.
func TestPullComparesKeptWeightsWithTheSource(t *testing.T) {
	e, content := published(t)
	other := slices.Clone(content)
	other[len(other)-1] ^= 1
	folder, others := t.TempDir(), t.TempDir()
	name, different := filepath.Join(folder, "test_pretrain.pth"), filepath.Join(others, "test_pretrain.pth")
	if err := errors.Join(os.WriteFile(name, content, 0o600), os.WriteFile(different, other, 0o600)); err != nil {
		t.Fatal(err)
	}
	m := &mirror{content: content}
	host := serve(t, m)
	cache := t.TempDir()
	first, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: host})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, note, problem string }{
		{"", "", ""},
		{name, "", ""},
		{folder, "", ""},
		{first.Path, "", ""},
		{host, "", ""}, // where they came from
		{host + "/other", "nothing is requested from " + host + "/other/test/test_pretrain.pth", ""},
		{different, "", different + ": not the weights seen before"},
		{others, "", different + ": not the weights seen before"},
		{t.TempDir(), "", "contains none of"},
		{filepath.Join(folder, "none"), "", "no such file"},
	} {
		var notes []string
		p, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: c.from, Note: func(text string) { notes = append(notes, text) }})
		if got := strings.Join(notes, "; "); c.note == "" && got != "" || !strings.Contains(got, c.note) {
			t.Errorf("%s: notes %q, want %q", c.from, got, c.note)
		}
		if c.problem != "" {
			wants(t, err, c.problem)
			if strings.Contains(c.problem, "seen before") {
				wants(t, err, first.Path, first.SHA256, lockFile(cache))
			}
		} else if err != nil || p.SHA256 != first.SHA256 {
			t.Errorf("%s: %+v, %v", c.from, p, err)
		}
	}
	if len(m.asked) != 1 {
		t.Errorf("requested %q", m.asked)
	}
	// The way out that the error names.
	if err := errors.Join(os.Remove(first.Path), os.Remove(lockFile(cache))); err != nil {
		t.Fatal(err)
	}
	if p, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: others}); err != nil || p.SHA256 == first.SHA256 {
		t.Errorf("%+v, %v", p, err)
	}
}

// Only published encoders have another source of weights: one given with a file, or with the built-in encoder, would not be used.
func TestResolveRefusesAnUnusedSource(t *testing.T) {
	for _, name := range []string{TinyName, weightsFile(t, 16, 8), "model.onnx"} {
		_, err := Resolve(t.Context(), name, Options{PullOptions: PullOptions{Cache: t.TempDir(), From: t.TempDir()}})
		wants(t, err, name, "published encoders")
	}
}

// A signed address has a query; the recorded name does not contain it.
func TestPullFromTheFilesOwnAddress(t *testing.T) {
	e, content := published(t)
	m := &mirror{content: content}
	o := PullOptions{Cache: t.TempDir(), From: serve(t, m) + "/elsewhere/mine.pth?Signature=secret"}
	p, err := Pull(t.Context(), e, o)
	if err != nil || filepath.Base(p.Path) != "test.pth" || strings.Contains(p.From, "secret") || m.asked[0] != "/elsewhere/mine.pth" {
		t.Fatalf("%+v, %v; requested %q", p, err, m.asked)
	}
	// Whatever its name at the source, it is found again in the cache.
	if again, err := Pull(t.Context(), e, PullOptions{Cache: o.Cache, From: "http://127.0.0.1:1"}); err != nil || again.Path != p.Path || again.First {
		t.Errorf("%+v, %v", again, err)
	}
}

// A user may give an unencrypted server, and is warned; the official addresses are all encrypted.
func TestPullOverPlainHTTPIsTold(t *testing.T) {
	e, _ := published(t)
	over, cancel := context.WithCancel(t.Context())
	cancel() // no request is sent
	for from, told := range map[string]bool{"http://mirror.invalid": true, "https://mirror.invalid": false, "http://localhost:1": false, "http://[::1]:1": false} {
		var notes []string
		_, err := Pull(over, e, PullOptions{Cache: t.TempDir(), From: from, Note: func(text string) { notes = append(notes, text) }})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", from, err)
		}
		if strings.Contains(strings.Join(notes, "; "), "is not encrypted") != told {
			t.Errorf("%s: notes %q", from, notes)
		}
	}
	for _, e := range Registry() {
		for _, address := range e.files() {
			if !strings.HasPrefix(address, "https://") {
				t.Errorf("%s is fetched from %s", e.Name, address)
			}
		}
	}
}

// Weights whose licence has to be accepted: the error explains at once how to get them, without any request.
func TestPullExplainsTheLicenceForm(t *testing.T) {
	e, content := published(t)
	e.Form, e.Licence = "https://example.com/form", "Some License"
	e.URL, e.Repository = dinov3Host+"test/test_pretrain_lvd1689m-01234567.pth", "some/test"
	cache := t.TempDir()
	var notes []string
	note := func(text string) { notes = append(notes, text) }
	_, err := Pull(t.Context(), e, PullOptions{Cache: cache, Note: note})
	wants(t, err, "accepted the Some License", e.Form, "test_pretrain_lvd1689m-01234567.pth", "https://huggingface.co/some/test", "give an access token")
	if len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
	t.Run("the downloaded file, and its folder", func(t *testing.T) {
		e.SHA256Prefix = "01234567"
		name := filepath.Join(t.TempDir(), "test_pretrain_lvd1689m-01234567.pth")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{name, filepath.Dir(name)} {
			notes = nil
			p, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: from, Note: note})
			if err != nil || filepath.Base(p.Path) != filepath.Base(name) {
				t.Errorf("%s: %+v, %v", from, p, err)
			}
			if !strings.Contains(strings.Join(notes, "; "), "begins with 01234567: these are not the official weights") {
				t.Errorf("notes %q", notes)
			}
		}
	})
	t.Run("from the transformers library", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "test")
		if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, "model.safetensors"), content, 0o600)); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{folder, filepath.Dir(folder)} {
			if _, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: from}); err != nil {
				t.Errorf("%s: %v", from, err)
			}
		}
	})
	t.Run("a file of an encoder trained on other images", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "test_pretrain_sat493m-01234567.pth")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: name})
		wants(t, err, name, "trained on other images")
		e := e
		e.Satellite = true
		if _, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: name}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a mirror without it", func(t *testing.T) {
		_, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: serve(t, http.NotFoundHandler())})
		wants(t, err, "404", "/test/test_pretrain_lvd1689m-01234567.pth", e.Form, "give an access token")
	})
}

// Encoders of satellite images have another mean and standard deviation, whether given by name or as a file.
func TestPreprocessingOfSatelliteImages(t *testing.T) {
	web, err := Lookup("dinov3-vitl16")
	if err != nil {
		t.Fatal(err)
	}
	satellite, err := Lookup("dinov3-vitl16-sat493m")
	if err != nil {
		t.Fatal(err)
	}
	want := [3]float32{0.430, 0.411, 0.296}
	if satellite.Preprocessing(224).Mean != want || web.Preprocessing(224).Mean == want {
		t.Errorf("means %v and %v", satellite.Preprocessing(224).Mean, web.Preprocessing(224).Mean)
	}
	b, err := os.ReadFile(weightsFile(t, 16, 8))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "own_sat493m.safetensors")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var notes string
	m, err := Resolve(t.Context(), name, Options{ImageSize: 32, PullOptions: PullOptions{Cache: t.TempDir(), Note: func(text string) { notes += text }}})
	if err != nil || m.Preprocessing.Mean != want || !strings.Contains(notes, "satellite images") {
		t.Errorf("%+v, %v; notes %q", m.Preprocessing, err, notes)
	}
}

func TestPullCanBeCancelled(t *testing.T) {
	e, content := published(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := PullOptions{Cache: t.TempDir(), From: serve(t, &mirror{content: content}), Progress: func(string, int64, int64) { cancel() }}
	if _, err := Pull(ctx, e, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestPullNamesADamagedLockFileBeforeItFetches(t *testing.T) {
	e, content := published(t)
	cache := t.TempDir()
	if err := os.WriteFile(lockFile(cache), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &mirror{content: content}
	if _, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: serve(t, m)}); err == nil || !strings.Contains(err.Error(), lockFile(cache)) || len(m.asked) > 0 {
		t.Fatalf("error %v after %d requests", err, len(m.asked))
	}
}

// While one pull waits for a silent server, others download and use other weights; and that pull ends with an error.
func TestASilentServerKeepsNobodyWaiting(t *testing.T) {
	e, content := published(t)
	cache := t.TempDir()
	answered := make(chan struct{})
	silent := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		close(answered)
		<-r.Context().Done()
	}))
	ended := make(chan error)
	go func() {
		_, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: silent, Stall: 2 * time.Second})
		ended <- err
	}()
	<-answered
	other := e
	other.Name = "other"
	for range 2 { // downloaded, then checked
		if _, err := Pull(t.Context(), other, PullOptions{Cache: cache, From: serve(t, &mirror{content: content})}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Resolve(t.Context(), TinyName, Options{PullOptions: PullOptions{Cache: cache}}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the others had to wait for it: %v", err)
	default:
	}
	err := <-ended
	if wants(t, err, silent, "no data arrived for 2s", e.URL+" by hand", "a file to take it from"); !errors.Is(err, fetch.ErrStalled) {
		t.Errorf("%v is not ErrStalled", err)
	}
}

// Two pulls that start at the same time download once, and both have the weights.
func TestTwoPullsFetchOnce(t *testing.T) {
	e, content := published(t)
	m := &mirror{content: content}
	o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
	var wait sync.WaitGroup
	pulled, errs := make([]Pulled, 4), make([]error, 4)
	for i := range errs {
		wait.Go(func() { pulled[i], errs[i] = Pull(t.Context(), e, o) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, p := range pulled {
		if p.SHA256 != pulled[0].SHA256 || p.Path != pulled[0].Path {
			t.Errorf("%+v and %+v", p, pulled[0])
		}
	}
	if len(m.asked) != 1 {
		t.Errorf("%d requests", len(m.asked))
	}
}

// What is wrong with a source is said of the file that was given, and a relative name is recorded in full.
func TestPullNamesTheSource(t *testing.T) {
	e, content := published(t)
	e.Repository = "facebook/" + e.Name
	t.Chdir(t.TempDir())
	if err := os.WriteFile("mine.pth", content, 0o600); err != nil {
		t.Fatal(err)
	}
	full, err := filepath.Abs("mine.pth")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: "mine.pth"}); err != nil || p.From != full {
		t.Errorf("recorded %q, %v, want %s", p.From, err, full)
	}
	other := weightsFile(t, 32, 4) // its width tells no number of heads
	rename := filepath.Join(filepath.Dir(other), "other.safetensors")
	if err := safetensors.WriteFile(rename, smallEncoder(32, 4), nil); err != nil {
		t.Fatal(err)
	}
	_, err = Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: rename})
	if wants(t, err, rename+": weights of another encoder: want "); strings.Contains(err.Error(), "heads: give it") {
		t.Error(err)
	}
	for _, from := range []string{"s3://bucket/key", "ftp://host/file"} {
		_, err = Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: from})
		wants(t, err, from, "give an http or https address, a folder or a file")
	}
	_, err = Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: t.TempDir()})
	if wants(t, err, "contains none of", ", model.safetensors"); strings.Count(err.Error(), e.Name+"/model.safetensors") != 1 {
		t.Errorf("a name is listed twice: %v", err)
	}
}

// Numbers that metadata state are those that options may have.
func TestMetadataOutOfRangeAreRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "own.safetensors")
	for key, values := range map[string][]string{"std": {"0", "1e-30", "58", "x"}, "mean": {"-0.1", "123.7", "nan"}, "resize": {"0", "65537"}} {
		for _, value := range values {
			if err := safetensors.WriteFile(name, smallEncoder(16, 8), map[string]string{"heads": "2", key: value}); err != nil {
				t.Fatal(err)
			}
			_, err := Resolve(t.Context(), name, Options{ImageSize: 32, PullOptions: PullOptions{Cache: t.TempDir()}})
			wants(t, err, "metadata state "+key+` "`+value+`": want a number from`)
		}
	}
	for _, o := range []Options{{ImageSize: -1}, {Heads: -1}} {
		_, err := Resolve(t.Context(), name, o)
		if wants(t, err, "want no negative number"); strings.Contains(err.Error(), " 0 ") {
			t.Error(err)
		}
	}
}
