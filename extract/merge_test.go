package extract

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/extract/store"
)

// A folder that is a part is the only one; what a merge skips is counted, and parts of which a later extraction was not finished are named.
func TestAMergeSaysWhatItMade(t *testing.T) {
	data := folder(t, 9)
	write(t, filepath.Join(data, "class0", "bad.png"), []byte("bad"))
	c := config(t, data, filepath.Join(t.TempDir(), "parts"))
	c.Part, c.Parts = 1, 1
	extract(t, c)
	part := filepath.Join(c.Out, store.PartName(1, 1))
	for _, name := range []string{c.Out, part} {
		if parts, err := Parts(t.Context(), name); err != nil || !slices.Equal(parts, []string{part}) {
			t.Errorf("the parts in %s are %v, %v", name, parts, err)
		}
	}
	again := part + ".bak"
	if err := os.CopyFS(again, os.DirFS(part)); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(t.Context(), []string{part, again}, filepath.Join(t.TempDir(), "merged"), nil); err == nil || !strings.Contains(err.Error(), part+" and "+again+" are both part 1 of 1") {
		t.Errorf("one part twice: %v", err)
	}
	for _, unfinished := range [][]string{nil, {part}} {
		if unfinished != nil {
			write(t, filepath.Join(part, store.PartialName, store.SettingsName), nil)
		}
		m, err := Merge(t.Context(), []string{part}, filepath.Join(t.TempDir(), "merged"), nil)
		if err != nil || m.Rows != 9 || m.Kept != 0 || m.Skipped != 1 || !slices.Equal(m.Unfinished, unfinished) {
			t.Errorf("merged %+v, %v", m, err)
		}
	}
}
