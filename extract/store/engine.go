package store

import (
	"fmt"
	"path/filepath"
)

// Engine is what runs an encoder.
type Engine struct{ Provider, Runtime string }

func (e Engine) String() string {
	return fmt.Sprintf("provider %s of ONNX Runtime %s", e.Provider, e.Runtime)
}

// EngineError says that a store's features were computed with another provider or version of ONNX Runtime than the current one, so that
// their features may differ.
type EngineError struct {
	Dir      string
	Was, Now Engine
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("feature store %s was made with %s; the features of %s may differ: use the same as before", e.Dir, e.Was, e.Now)
}

// MadeOn records the engine before the first features are appended. It fails with an *EngineError if existing features come from another.
// Rows with an unknown engine are accepted.
func (w *Writer) MadeOn(e Engine) error {
	was := Engine{w.manifest.Provider, w.manifest.Runtime}
	switch {
	case was == e || was.Provider == "" && len(w.known) > 0:
		return nil
	case was.Provider != "":
		return &EngineError{w.dir, was, e}
	}
	w.manifest.Provider, w.manifest.Runtime = e.Provider, e.Runtime
	return writeJSON(filepath.Join(w.partial, SettingsName), w.manifest.Settings)
}

// Engine is what ran the encoder, for a new store after MadeOn was called; zero if unknown.
func (w *Writer) Engine() Engine { return Engine{w.manifest.Provider, w.manifest.Runtime} }
