package iconic

import (
	"os"
	"path/filepath"
	"testing"

	"iconic/extract"
	"iconic/internal/onnxtest"
)

// Features in the user's cache are another encoder's as soon as weights beside its graph change, in a file of any name.
func TestCachedFeaturesAreKeptByAllWeights(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	m := onnxtest.Pooling(16, 8)
	m.Scale = "weights.bin"
	c := extract.Config{Data: "pictures", Model: m.Write(t)}
	folders := map[string]bool{}
	for _, weights := range []string{"1234", "1235", "1234"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(c.Model), m.Scale), []byte(weights), 0o600); err != nil {
			t.Fatal(err)
		}
		folder, err := cacheFolder(c)
		if err != nil {
			t.Fatal(err)
		}
		folders[folder] = true
	}
	if len(folders) != 2 {
		t.Errorf("two encoders have their features in %d folders", len(folders))
	}
}
