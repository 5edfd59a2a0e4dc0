package encoder

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"iconic/internal/cachefolder"
)

// environment guards the process's ONNX Runtime, which the Go binding keeps in globals.
var environment struct {
	sync.Mutex
	library string // "": not loaded
	release func() // would allow the library's folder in the cache to be pruned; kept, since a library stays loaded
}

// load makes the library at path the process's ONNX Runtime. A library in the cache is in use from then on.
func load(ctx context.Context, path string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library == path {
		return nil
	}
	if environment.library != "" {
		return fmt.Errorf("ONNX Runtime is already loaded from %s; one process cannot load %s as well", environment.library, path)
	}
	release, err := cachefolder.Hold(ctx, filepath.Dir(path)) // beside it are libraries that are loaded later
	if err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		release()
		if strings.Contains(err.Error(), "API base: 2") { // the library does not know the requested API version
			return fmt.Errorf("%s is too old: ONNX Runtime 1.24 or later is needed", path)
		}
		return fmt.Errorf("load ONNX Runtime from %s: %w", path, err)
	}
	environment.library, environment.release = path, release
	return nil
}

// LibraryVersion is the version of the loaded ONNX Runtime, "" before the first Open.
func LibraryVersion() string {
	environment.Lock()
	defer environment.Unlock()
	if environment.library == "" {
		return ""
	}
	return ort.GetVersion()
}
