package doctor

import (
	"errors"
	"testing"
)

func TestFunctionsOfTheLibraryAreNotNamed(t *testing.T) {
	for text, want := range map[string]string{
		"OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load\nshared library": "Failed to load shared library",
		"provider: not in this build": "provider: not in this build",
	} {
		if got := said(errors.New(text)); got != want {
			t.Errorf("%q is said as %q", text, got)
		}
	}
}
