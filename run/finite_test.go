package run

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"iconic/features"
	"iconic/head/methods"
	"iconic/internal/npy"
)

// unusable opens features of which row 17 is not finite, and others that are.
func unusable(t *testing.T) (good, bad *features.Set) {
	t.Helper()
	x := make([]float32, 40*3)
	for i := range x {
		x[i] = float32(i * i % 17)
	}
	open := func(name string) *features.Set {
		name = filepath.Join(t.TempDir(), name)
		if err := npy.Write(name, []int{40, 3}, x); err != nil {
			t.Fatal(err)
		}
		set, err := features.Open(name, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { set.Close() })
		return set
	}
	good = open("good.npy")
	x[17*3] = float32(math.NaN())
	return good, open("bad.npy")
}

// Of two sets of features, the error names the one that is not finite.
func TestTheSetThatIsNotFiniteIsNamed(t *testing.T) {
	good, bad := unusable(t)
	for name, sets := range map[string][2]*features.Set{"the first": {bad, good}, "the second": {good, bad}} {
		for _, method := range []string{methods.Default, "clip"} {
			config, _, err := Configure(map[string]string{"clusters": "2", "method": method}, 0, 40, 0)
			if err != nil {
				t.Fatal(err)
			}
			training := Training{Dir: filepath.Join(t.TempDir(), "run"), Features: sets[0], Second: sets[1], Config: config, Workers: 1}
			_, err = training.Train(t.Context())
			if want := bad.Source.Store + ": features of row 17 are not finite"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: error %v, want %q", name, method, err, want)
			}
		}
	}
}
