package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/sorting"
)

func TestAnUndoSaysWhatBecameOfTheFiles(t *testing.T) {
	for want, u := range map[string]sorting.Undone{
		"0 files restored from d":                                  {},
		"2 files restored from d":                                  {Back: 2},
		"1 copy or link removed from d":                            {Back: 1, Removed: 1},
		"1 file restored from d, 2 copies or links removed from d": {Back: 3, Removed: 2},
	} {
		if got := undone(&u, "d"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for n, want := range map[int]string{
		1: "1 file in d was left alone, since it or its original has changed",
		2: "2 files in d were left alone, since they or their originals have changed",
	} {
		if got := leftAlone(n, "d"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An undo that is stopped says what it has undone.
func TestAStoppedUndoHasACount(t *testing.T) {
	dir := t.TempDir()
	picture := filepath.Join(dir, "1.jpg")
	if err := os.WriteFile(picture, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := sorting.Sorting{Folder: filepath.Join(dir, "sorted"), Mode: sorting.Move, Files: []sorting.File{{Name: picture, To: "cluster-000/1.jpg"}}}
	if _, err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	a := &app{out: &out}
	if err := a.unsort(stopped, s.Folder); !errors.Is(err, context.Canceled) || !strings.HasPrefix(out.String(), "0 files restored from ") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
