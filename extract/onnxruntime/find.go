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
	"iconic/option"
)

// Variable is the environment variable that names the library.
const Variable = "ONNXRUNTIME_LIB"

// Options say where to look. The zero value looks everywhere.
type Options struct {
	Path     string                  // the library's file, or the folder that holds it; "": Variable, then the search
	CUDA     bool                    // a build with the CUDA and TensorRT providers is wanted
	Note     func(text string)       // told what is about to be fetched, and what was passed over; may be nil
	Progress func(done, total int64) // told the bytes that have come; total is −1 where unknown; may be nil
}

func (o Options) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

// Find gives the path of a library of version 1.24 or later, fetching it into the user cache if need be. Its error is
// one sentence with the way out.
func Find(ctx context.Context, o Options) (path string, err error) {
	if path, from := explicit(o); path != "" {
		return named(path, from)
	}
	folder, err := cachefolder.Of(cachefolder.Runtime)
	if err != nil {
		return "", fmt.Errorf("no folder to keep the ONNX Runtime library in: %w; set %s to a library of your own", err, Variable)
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
			o.note("%v: the library is fetched again", damage)
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
		return "", fmt.Errorf("no ONNX Runtime release is known for %s; install version %s or later and set %s to its library", what, oldest, Variable)
	}
	if err := f.fetch(ctx); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		state := "is not on this machine"
		if damage != nil {
			state = "in the cache is damaged"
		}
		return "", option.Errorf("Library", "the ONNX Runtime library %s and could not be fetched (%w); "+
			"set %s to the library of https://github.com/microsoft/onnxruntime/releases/tag/v%s", state, err, Variable, Version)
	}
	return f.path(), nil
}

// Local is Find without fetching, and with the version of what it found. The path is "" where this machine has no library yet.
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

// cached is the library that was fetched before; "" if none was.
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

// explicit is the path that somebody set, and where.
func explicit(o Options) (path, from string) {
	if o.Path != "" {
		return o.Path, "the path given"
	}
	return os.Getenv(Variable), Variable
}

// named checks a path that somebody set; nothing else is tried when it will not do.
func named(path, from string) (string, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("ONNX Runtime library from %s: %w", from, err)
	}
	if stat.IsDir() {
		found := libraries(path)
		if len(found) == 0 {
			return "", fmt.Errorf("ONNX Runtime library from %s: the folder %s holds no %s", from, path, pattern())
		}
		path = found[0]
	}
	version, err := versionOf(path)
	if err != nil {
		return "", fmt.Errorf("ONNX Runtime library from %s: %w", from, err)
	}
	if !recent(version) {
		return "", fmt.Errorf("ONNX Runtime library from %s: %s is version %s and %s or later is needed", from, path, version, oldest)
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
				o.note("passing over %v", err)
			case !recent(version):
				o.note("passing over %s: it is version %s and %s or later is needed", path, version, oldest)
			case o.CUDA && !exists(filepath.Join(filepath.Dir(path), "libonnxruntime_providers_cuda.so")):
				o.note("passing over %s: it comes without the CUDA provider", path)
			default:
				return path, true
			}
		}
	}
	return "", false
}

// systemFolders are those where the dynamic loader looks, and where people install by hand.
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

// libraries lists the library's files in a folder, each once however many names it has, the latest name first.
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

// oldest is the first version that speaks the C API the Go binding was built for.
const oldest = "1.24"

// recent tells whether a version such as "1.27.0" is oldest or later.
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
