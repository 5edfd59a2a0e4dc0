package main

import (
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
