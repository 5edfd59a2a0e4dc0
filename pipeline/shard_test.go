package main

import (
	"fmt"
	"testing"

	"iconic/extract/store"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string][2]int{"": {0, 0}, "2/4": {2, 4}, fmt.Sprintf("1/%d", store.MaxParts): {1, store.MaxParts}} {
		if part, parts, err := parseShard(text); err != nil || part != want[0] || parts != want[1] {
			t.Errorf("%q: %d of %d, %v", text, part, parts, err)
		}
	}
	for _, text := range []string{"2", "0/2", "3/2", "a/2", "1/2/3", "-1/2", "2000000/2000000", "1/99999999999999999999"} {
		if _, _, err := parseShard(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
