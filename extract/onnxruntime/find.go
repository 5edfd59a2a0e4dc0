package onnxruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"iconic/internal/cachefolder"
	"iconic/internal/regular"
	"iconic/option"
)

// libraryVariable is the environment variable that names the library.
const libraryVariable = "ONNXRUNTIME_LIB"

// Options say where to look. The zero value looks everywhere.
type Options struct {
	Path     string                  // library file, or the folder that contains it; "": ONNXRUNTIME_LIB, then the search
	CUDA     bool                    // find a build with the CUDA and TensorRT providers
	Note     func(text string)       // called before a download and for each skipped library; may be nil
	Progress func(done, total int64) // called with the number of bytes downloaded; total is −1 if unknown; may be nil
}

func (o Options) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

// Find returns the path of a library of version 1.24 or later, downloading it into the user cache if necessary. Its error is one sentence
// with a remedy.
func Find(ctx context.Context, o Options) (path string, err error) {
	if path, from := explicit(o); path != "" {
		return named(path, from)
	}
	folder, err := cachefolder.Of(cachefolder.Runtime)
	if err != nil {
		return "", fmt.Errorf("no folder can keep the ONNX Runtime library: %w; set %s to a library of your own", err, libraryVariable)
	}
	r, known := thisRelease(o.CUDA)
	f := &fetcher{release: r, folder: folder, options: o}
	var damage error
	if known {
		var ok bool
		if ok, damage = f.present(ctx); ok {
			cachefolder.Used(f.target())
			return f.path(), nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if damage != nil {
			o.note("%v: downloading the library again", damage)
		}
	}
	if path, ok := installed(o); ok {
		return path, nil
	}
	if !known {
		what := runtime.GOOS + "/" + runtime.GOARCH
		if o.CUDA {
			what += " with CUDA"
		}
		return "", fmt.Errorf("no ONNX Runtime release is known for %s: install version %s or later and set %s to its library", what, oldest, libraryVariable)
	}
	if err := f.fetch(ctx); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		state := "is not on this machine"
		if damage != nil {
			state = "in the cache is damaged"
		}
		return "", option.Errorf("Library", "the ONNX Runtime library %s and could not be downloaded (%w); "+
			"set %s to the library of https://github.com/microsoft/onnxruntime/releases/tag/v%s", state, err, libraryVariable, Version)
	}
	return f.path(), nil
}

// Local is Find without downloading, and with the version of the library. The path is "" if this machine has no library yet.
func Local(o Options) (path, version string, err error) {
	if set, from := explicit(o); set != "" {
		path, err = named(set, from)
	} else if path = cached(o); path == "" {
		path, _ = installed(o)
	}
	if path == "" || err != nil {
		return "", "", err
	}
	version, err = versionOf(path)
	return path, version, err
}

// cached is the library downloaded earlier; "" if there is none.
func cached(o Options) string {
	folder, err := cachefolder.Of(cachefolder.Runtime)
	if err != nil {
		return ""
	}
	r, known := thisRelease(o.CUDA)
	f := &fetcher{release: r, folder: folder}
	if !known {
		return ""
	}
	if ok, _ := f.present(context.Background()); !ok {
		return ""
	}
	return f.path()
}

// explicit is the path that the user set, and where it was set.
func explicit(o Options) (path, from string) {
	if o.Path != "" {
		return o.Path, "the path given"
	}
	return os.Getenv(libraryVariable), libraryVariable
}

// named checks a path that the user set; if it is unusable, nothing else is tried.
func named(path, from string) (string, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("ONNX Runtime library from %s: %w", from, err)
	}
	if stat.IsDir() {
		found := libraries(path)
		if len(found) == 0 {
			return "", fmt.Errorf("ONNX Runtime library from %s: the folder %s contains no %s", from, path, pattern())
		}
		path = found[0]
	}
	if stat, err := os.Stat(path); err == nil && !stat.Mode().IsRegular() { // a loader would wait for a pipe's writer
		return "", fmt.Errorf("ONNX Runtime library from %s: %s: %w", from, path, regular.ErrNotRegular)
	}
	version, err := versionOf(path)
	if err != nil {
		return "", fmt.Errorf("ONNX Runtime library from %s: %w", from, err)
	}
	if !recent(version) {
		return "", fmt.Errorf("ONNX Runtime library from %s: %s has version %s, but %s or later is needed", from, path, version, oldest)
	}
	return path, nil
}

// installed looks through the system's library path.
func installed(o Options) (path string, ok bool) {
	for _, folder := range systemFolders() {
		for _, path := range libraries(folder) {
			version, err := versionOf(path)
			switch {
			case err != nil:
				o.note("skipping %v", err)
			case !recent(version):
				o.note("skipping %s: it has version %s, but %s or later is needed", path, version, oldest)
			case o.CUDA && !exists(filepath.Join(filepath.Dir(path), "libonnxruntime_providers_cuda.so")):
				o.note("skipping %s: it lacks the CUDA provider", path)
			default:
				return path, true
			}
		}
	}
	return "", false
}

// systemFolders are the folders that the dynamic loader searches, and those into which people install by hand.
func systemFolders() []string {
	variable, fixed := "LD_LIBRARY_PATH", []string{"/usr/local/lib", "/usr/local/lib64", "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib"}
	switch runtime.GOOS {
	case "darwin":
		variable, fixed = "DYLD_LIBRARY_PATH", []string{"/opt/homebrew/lib", "/usr/local/lib"}
	case "linux":
		triples, _ := filepath.Glob("/usr/lib/*-linux-gnu*") // the pattern is valid
		fixed = append(fixed, triples...)
	}
	return append(filepath.SplitList(os.Getenv(variable)), fixed...)
}

func pattern() string {
	switch runtime.GOOS {
	case "darwin":
		return "libonnxruntime*.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so*"
}

// libraries lists the library files in a folder, each once however many names it has, the latest name first.
func libraries(folder string) []string {
	if folder == "" {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(folder, pattern())) // an odd folder name matches nothing
	slices.Sort(names)
	slices.Reverse(names)
	var found []string
	seen := map[string]bool{}
	for _, name := range names {
		if strings.Contains(filepath.Base(name), "providers") {
			continue
		}
		real, err := filepath.EvalSymlinks(name)
		if err != nil || seen[real] {
			continue
		}
		seen[real] = true
		found = append(found, name)
	}
	return found
}

// oldest is the first version with the C API for which the Go binding was built.
const oldest = "1.24"

// recent reports whether a version such as "1.27.0" is oldest or later.
func recent(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 1 || major == 1 && minor >= 24
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, os.ErrNotExist)
}
