package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the command itself, so that scripts run what users run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pipeline": main,
	})
}

// TestScripts runs testdata/script, one script for each promise of the README. $SHARED is the reference data, or
// empty where there is none.
func TestScripts(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	shared := os.Getenv("ICONIC_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	if shared, err = filepath.Abs(shared); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(shared); err != nil {
		shared = ""
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// The runtime library is fetched once for all, not once a script.
			e.Setenv("XDG_CACHE_HOME", cache)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("SHARED", shared)
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == "shared" && shared != "", nil
		},
	})
}
