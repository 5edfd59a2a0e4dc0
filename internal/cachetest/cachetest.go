package cachetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"iconic/internal/cachefolder"
)

// Tests are the tests of a package: *testing.M, or a wrapper of it.
type Tests interface{ Run() int }

// Isolated are tests with their own cache, which is removed when they end, for use in TestMain. Only the ONNX Runtime libraries are the
// user's, so that no test downloads one that exists. Go's own caches stay where they are, for tests that build something.
func Isolated(tests Tests) Tests { return isolated{tests} }

type isolated struct{ Tests }

func (i isolated) Run() int {
	folder, err := os.MkdirTemp("", "iconic-test-cache")
	if err == nil {
		err = keepGo()
	}
	if err == nil {
		err = errors.Join(Fill(folder), os.Setenv(variable(), folder))
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "a cache for the tests:", err)
	} else {
		code = i.Tests.Run()
	}
	_ = os.RemoveAll(folder)
	return code
}

// variable is the environment variable that os.UserCacheDir reads on this system.
func variable() string {
	switch runtime.GOOS {
	case "darwin", "ios":
		return "HOME"
	case "windows":
		return "LocalAppData"
	}
	return "XDG_CACHE_HOME"
}

// inside is the user's cache below the folder in that variable.
func inside(folder string) string {
	if variable() == "HOME" {
		return filepath.Join(folder, "Library", "Caches")
	}
	return folder
}

// keepGo makes the go command keep its caches, which it would otherwise look for below the new folder.
func keepGo() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	for name, place := range map[string]string{"GOCACHE": filepath.Join(cache, "go-build"), "GOPATH": filepath.Join(home, "go")} {
		if os.Getenv(name) != "" {
			continue
		}
		if err := os.Setenv(name, place); err != nil {
			return err
		}
	}
	return nil
}

// Fill makes a folder a cache that is empty except for a link to the user's ONNX Runtime libraries.
func Fill(folder string) error {
	libraries, err := cachefolder.Of(cachefolder.Runtime)
	if err != nil {
		return err
	}
	link := filepath.Join(inside(folder), "iconic", cachefolder.Runtime)
	if err := errors.Join(os.MkdirAll(libraries, 0o755), os.MkdirAll(filepath.Dir(link), 0o755)); err != nil {
		return err
	}
	if libraries, err = filepath.EvalSymlinks(libraries); err != nil {
		return err
	}
	return os.Symlink(libraries, link)
}

// Folder is a cache made by Fill, for one test.
func Folder(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := Fill(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}
