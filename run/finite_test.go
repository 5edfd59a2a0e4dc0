package run

import (
	"path/filepath"
	"strings"
	"testing"

	"iconic/features"
	"iconic/head/methods"
	"iconic/internal/densetest"
	"iconic/matrix"
)

// unusable opens features of which row 17 is not finite, and others that are.
func unusable(t *testing.T) (good, bad *features.Set) {
	t.Helper()
	var sets [2]*features.Set
	sound, damaged := densetest.Files(t)
	for i, name := range []string{sound, damaged} {
		var err error
		if sets[i], err = features.Open(name, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sets[i].Close() })
	}
	return sets[0], sets[1]
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

// Of two sets of features, the error names the one whose rows are all the same.
func TestTheSetThatIsConstantIsNamed(t *testing.T) {
	good, _ := unusable(t)
	same, err := features.New(matrix.NewDense(good.Len(), 3), good.Paths, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	same.Source.Store = "constant.npy"
	config, _, err := Configure(map[string]string{"clusters": "2", "method": "clip"}, 0, good.Len(), 0)
	if err != nil {
		t.Fatal(err)
	}
	training := Training{Dir: filepath.Join(t.TempDir(), "run"), Features: good, Second: same, Config: config, Workers: 1}
	if _, err = training.Train(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "constant.npy: all 40 rows of 3 features are the same") {
		t.Error(err)
	}
}
