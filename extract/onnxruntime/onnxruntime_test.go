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
	"strings"
	"sync"
	"sync/atomic"
	"testing"
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

// fakeNPM puts a client first in PATH that "packs" the file given, or fails with a complaint.
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

// serve gives the archive, counting how often, and returns a fetcher for it.
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

// clean fails if anything but the release and the lock is left in the cache.
func clean(t *testing.T, f *fetcher) {
	t.Helper()
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".lock" && e.Name() != filepath.Base(f.target()) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestFetchesTheReleaseOnceForAll(t *testing.T) {
	f, asked := serve(t, tgz(t, "ort/lib/libonnxruntime.so.1", "library", "ort/lib/libonnxruntime_providers_shared.so", "shared", "ort/README", "words"), http.StatusOK)
	if err := os.MkdirAll(filepath.Join(f.folder, ".fetch-left-by-a-killed-process", "x"), 0o755); err != nil {
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
		t.Errorf("the archive was fetched %d times", n)
	}
	if got := content(t, f); got != "library" {
		t.Errorf("library is %q", got)
	}
	if !exists(filepath.Join(f.target(), "libonnxruntime_providers_shared.so")) || exists(filepath.Join(f.target(), "README")) {
		t.Error("the provider library must be there, and the rest of the archive not")
	}
	clean(t, f)
}

func TestFallsBackToNPM(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		sum    string
	}{
		{"when the page answers no", http.StatusForbidden, ""},
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
		{"no library in the package", good, tgz(t, "package/x", "evil"), "holds no package/lib.so"},
		{"a package that is no archive", good, []byte("<html>"), "onnxruntime-node.tgz"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := serve(t, c.archive, http.StatusNotFound)
			fakeNPM(t, c.pack)
			err := f.fetch(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "404") {
				t.Errorf("error %v, want the 404 and %q", err, c.want)
			}
			if f.present() {
				t.Error("a library is there")
			}
			clean(t, f)
		})
	}
	t.Run("an archive without the library", func(t *testing.T) {
		f, _ := serve(t, tgz(t, "ort/lib/libonnxruntime.so.9", "x"), http.StatusOK)
		f.npmPath = ""
		if err := f.fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "holds no lib/libonnxruntime.so.1") {
			t.Errorf("error %v", err)
		}
		clean(t, f)
	})
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
	for path, want := range map[string]string{
		filepath.Join(folder, "missing.so"): "no such file",
		text:                                "cannot be loaded",
		folder:                              "cannot be loaded",
		t.TempDir():                         "holds no",
	} {
		_, err := Find(t.Context(), Options{Path: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--onnxruntime") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q and where the path came from", path, err, want)
		}
		t.Setenv(Variable, path)
		if _, err := Find(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), Variable) {
			t.Errorf("%s: error %v does not name %s", path, err, Variable)
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
	// The file, its folder, and the variable lead to it as well.
	for _, set := range []string{path, filepath.Dir(path)} {
		if got, err := Find(t.Context(), Options{Path: set}); err != nil || got != path {
			t.Errorf("%s: %s, %v", set, got, err)
		}
	}
	t.Setenv(Variable, path)
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
	blocked := filepath.Join(t.TempDir(), "file") // a cache that cannot be made: no network is asked
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(blocked, "cache"))
	t.Setenv("HOME", blocked)
	t.Setenv(Variable, "")
	_, err := Find(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "set "+Variable) || strings.Contains(err.Error(), "\n") {
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
