package onnxruntime

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tgz packs files, in the order given as name, content, name, content, …
func tgz(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// fakeNPM puts a client first in PATH that "packs" the given file, or fails with an error.
func fakeNPM(t *testing.T, pack []byte) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for npm is a shell script")
	}
	folder := t.TempDir()
	script := "#!/bin/sh\necho 'npm error network unreachable' >&2\nexit 1\n"
	if pack != nil {
		file := filepath.Join(folder, "package.tgz")
		if err := os.WriteFile(file, pack, 0o600); err != nil {
			t.Fatal(err)
		}
		script = fmt.Sprintf("#!/bin/sh\n[ \"$1 $2 $3\" = 'pack %s --pack-destination' ] && cp '%s' \"$4/onnxruntime-node.tgz\"\n", npmPackage, file)
	}
	if err := os.WriteFile(filepath.Join(folder, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// serve serves the archive, counts the requests, and returns a fetcher for it.
func serve(t *testing.T, archive []byte, status int) (*fetcher, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(status)
		_, _ = w.Write(archive) // a client that hangs up is not this handler's concern
	}))
	t.Cleanup(server.Close)
	return &fetcher{
		release: release{platform: "test", archive: "x.tgz", sum: sum(archive), library: "libonnxruntime.so.1", npmPath: "package/lib.so", npmSum: sum([]byte("from npm"))},
		folder:  filepath.Join(t.TempDir(), "cache"),
		base:    server.URL + "/",
	}, &asked
}

func content(t *testing.T, f *fetcher) string {
	t.Helper()
	b, err := os.ReadFile(f.path())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// clean fails if the cache contains anything except the release and locks.
func clean(t *testing.T, f *fetcher) {
	t.Helper()
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") && e.Name() != filepath.Base(f.target()) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestFetchesTheReleaseOnceForAll(t *testing.T) {
	f, asked := serve(t, tgz(t, "ort/lib/libonnxruntime.so.1", "library", "ort/lib/libonnxruntime_providers_shared.so", "shared", "ort/README", "words"), http.StatusOK)
	left, long := filepath.Join(f.folder, ".iconic-tmp-00000000-abc-abcdefghijkl.d"), time.Unix(1, 0) // by a killed process
	if err := errors.Join(os.MkdirAll(filepath.Join(left, "x"), 0o755), os.Chtimes(left, long, long)); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { errs[i] = f.fetch(t.Context()) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the archive was downloaded %d times", n)
	}
	if got := content(t, f); got != "library" {
		t.Errorf("library is %q", got)
	}
	if !exists(filepath.Join(f.target(), "libonnxruntime_providers_shared.so")) || exists(filepath.Join(f.target(), "README")) {
		t.Error("want the provider library, and nothing else of the archive")
	}
	clean(t, f)
}

func TestFallsBackToNPM(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		sum    string
	}{
		{"when the page refuses", http.StatusForbidden, ""},
		{"when the archive is not the one expected", http.StatusOK, sum(nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := serve(t, tgz(t, "ort/lib/libonnxruntime.so.1", "evil"), c.status)
			if c.sum != "" {
				f.sum = c.sum
			}
			fakeNPM(t, tgz(t, "package/other", "x", "package/lib.so", "from npm"))
			if err := f.fetch(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := content(t, f); got != "from npm" {
				t.Errorf("library is %q", got)
			}
			clean(t, f)
		})
	}
}

func TestFailuresSayWhatAndLeaveNothing(t *testing.T) {
	good := tgz(t, "ort/lib/libonnxruntime.so.1", "library")
	for _, c := range []struct {
		name    string
		archive []byte
		pack    []byte
		want    string
	}{
		{"npm out of reach", good, nil, "npm error network unreachable"},
		{"another library in the package", good, tgz(t, "package/lib.so", "evil"), "has SHA-256"},
		{"no library in the package", good, tgz(t, "package/x", "evil"), "does not contain package/lib.so"},
		{"a package that is not an archive", good, []byte("<html>"), "onnxruntime-node.tgz"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := serve(t, c.archive, http.StatusNotFound)
			fakeNPM(t, c.pack)
			err := f.fetch(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "404") {
				t.Errorf("error %v, want the 404 and %q", err, c.want)
			}
			if ok, _ := f.present(t.Context()); ok {
				t.Error("a library was installed")
			}
			clean(t, f)
		})
	}
	t.Run("an archive without the library", func(t *testing.T) {
		f, _ := serve(t, tgz(t, "ort/lib/libonnxruntime.so.9", "x"), http.StatusOK)
		f.npmPath = ""
		if err := f.fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "does not contain lib/libonnxruntime.so.1") {
			t.Errorf("error %v", err)
		}
		clean(t, f)
	})
}

// A server that goes silent ends the download with an error, and the npm client is tried; so does a broken connection, after which the next
// download resumes where it ended.
func TestASilentOrCutDownload(t *testing.T) {
	archive := tgz(t, "ort/lib/libonnxruntime.so.1", strings.Repeat("library", 1000))
	var ranges []string
	broken := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		ranges = append(ranges, r.Header.Get("Range"))
		if !broken {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(archive))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(archive)))
		_, _ = w.Write(archive[:10]) // a client that hangs up is not this handler's concern
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	f := &fetcher{
		release: release{platform: "test", archive: "x.tgz", sum: sum(archive), library: "libonnxruntime.so.1", npmPath: "package/lib.so"},
		folder:  filepath.Join(t.TempDir(), "cache"), base: server.URL + "/", stall: 200 * time.Millisecond,
	}
	fakeNPM(t, nil)
	err := f.fetch(t.Context())
	if err == nil || !strings.Contains(err.Error(), server.URL+"/x.tgz: no data arrived for 200ms after 10 of") || !strings.Contains(err.Error(), "from npm") {
		t.Fatalf("error %v", err)
	}
	broken = false
	if err := f.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := content(t, f); got != strings.Repeat("library", 1000) || len(ranges) != 2 || ranges[1] != "bytes=10-" {
		t.Errorf("%d bytes, asked for %q", len(got), ranges)
	}
	clean(t, f)
}

// A file that changed since its download is noticed, and downloaded again.
func TestADamagedLibraryIsFetchedAgain(t *testing.T) {
	f, asked := serve(t, tgz(t, "ort/lib/libonnxruntime.so.1", "library", "ort/lib/libonnxruntime_providers_shared.so", "shared"), http.StatusOK)
	if err := f.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, err := f.present(t.Context()); !ok || err != nil {
		t.Fatalf("present %v, %v", ok, err)
	}
	second := filepath.Join(f.target(), "libonnxruntime_providers_shared.so")
	for name, damage := range map[string]func() error{
		"has 3 bytes instead of 7": func() error { return os.Truncate(f.path(), 3) },
		"SHA-256":                  func() error { return os.WriteFile(f.path(), []byte("librarY"), 0o600) },
		"it is missing":            func() error { return os.Remove(second) },
	} {
		before := asked.Load()
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		ok, problem := f.present(t.Context())
		if ok || problem == nil || !strings.Contains(problem.Error(), name) {
			t.Errorf("present %v, %v; want %q", ok, problem, name)
		}
		if err := f.fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := content(t, f); got != "library" || !exists(second) || asked.Load() != before+1 {
			t.Errorf("library is %q after %d requests", got, asked.Load()-before)
		}
	}
	clean(t, f)
}

// A library that was downloaded before seals existed is inspected: this test's own binary stands in for one.
func TestALibraryWithoutASealIsTrustedIfItIsWhole(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	library, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(library)
	changed[len(changed)/2] ^= 1
	for _, c := range []struct {
		name    string
		content []byte
		other   bool // a second library beside it, as in the archive
		want    string
	}{
		{"as in npm", library, false, ""},
		{"from the archive", changed, true, ""},
		{"changed", changed, false, "SHA-256"},
		{"truncated", library[:len(library)/2], true, "truncated"},
		{"a page", []byte("<html>"), true, "not a library for this system"},
	} {
		f := &fetcher{release: release{platform: "linux-x64", library: "libonnxruntime.so.1", npmSum: sum(library)}, folder: t.TempDir()}
		if err := errors.Join(os.Mkdir(f.target(), 0o700), os.WriteFile(f.path(), c.content, 0o600)); err != nil {
			t.Fatal(err)
		}
		if c.other {
			if err := os.WriteFile(filepath.Join(f.target(), "libonnxruntime_providers_shared.so"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ok, err := f.present(t.Context())
		if c.want == "" {
			if !ok || err != nil || !exists(filepath.Join(f.target(), "seal.json")) {
				t.Errorf("%s: present %v, %v; want it sealed", c.name, ok, err)
			}
			continue
		}
		if ok || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), f.path()) {
			t.Errorf("%s: present %v, %v; want %q", c.name, ok, err, c.want)
		}
	}
}

func TestCancelEndsTheDownload(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	f := &fetcher{release: release{platform: "test", archive: "x", library: "l", npmPath: "x"}, folder: t.TempDir(), base: server.URL + "/"}
	if err := f.fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	clean(t, f)
}

func TestAPathThatWasSetIsNotGuessedAround(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "libonnxruntime.so")
	if runtime.GOOS == "darwin" {
		text = filepath.Join(folder, "libonnxruntime.dylib")
	}
	if err := os.WriteFile(text, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "libonnxruntime.so.1")
	if err := os.WriteFile(cut, binary[:len(binary)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "missing.so"): "no such file",
		cut:                                 "truncated",
		text:                                "cannot be loaded",
		folder:                              "cannot be loaded",
		t.TempDir():                         "contains no",
	} {
		_, err := Find(t.Context(), Options{Path: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the path given") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q and where the path came from", path, err, want)
		}
		t.Setenv(libraryVariable, path)
		if _, err := Find(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), libraryVariable) {
			t.Errorf("%s: error %v does not name %s", path, err, libraryVariable)
		}
	}
}

func TestTheLibraryItselfIsFoundAndTellsItsVersion(t *testing.T) {
	path, err := Find(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	version, err := versionOf(path)
	if err != nil || !recent(version) {
		t.Fatalf("%s: version %q, %v", path, version, err)
	}
	if local, same, err := Local(Options{}); err != nil || local != path || same != version {
		t.Errorf("without fetching: %s, version %q, %v", local, same, err)
	}
	// The file, its folder, and the variable also lead to it.
	for _, set := range []string{path, filepath.Dir(path)} {
		if got, err := Find(t.Context(), Options{Path: set}); err != nil || got != path {
			t.Errorf("%s: %s, %v", set, got, err)
		}
	}
	t.Setenv(libraryVariable, path)
	if got, err := Find(t.Context(), Options{}); err != nil || got != path {
		t.Errorf("%s, %v", got, err)
	}
}

func TestOutOfReachIsOneSentenceWithTheWayOut(t *testing.T) {
	if r, ok := thisRelease(false); !ok || r.npmPath == "" {
		t.Skip("no release for this machine")
	}
	if _, ok := installed(Options{}); ok {
		t.Skip("the system has a library of its own")
	}
	blocked := filepath.Join(t.TempDir(), "file") // a cache that cannot be created, so the network is not used
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(blocked, "cache"))
	t.Setenv("HOME", blocked)
	t.Setenv(libraryVariable, "")
	_, err := Find(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "set "+libraryVariable) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
}

func TestRecent(t *testing.T) {
	for version, want := range map[string]bool{"1.24.0": true, "1.27.0": true, "2.0": true, "1.23.2": false, "0.99": false, "": false, "x": false} {
		if recent(version) != want {
			t.Errorf("recent(%q) = %v", version, !want)
		}
	}
}
