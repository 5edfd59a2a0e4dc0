package dataset

import (
	"os"
	"path/filepath"
	"testing"
)

// Every extension of Netpbm and bitmap files is listed: a format that the decoder reads must not be skipped by its name.
func TestNamesThatTheDecoderReadsAreListed(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a.pbm", "b.pgm", "c.PPM", "d.pnm", "g.pam", "e.dib", "f.bmp"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("P5 1 1 255\n0"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Items) != len(names) {
		t.Errorf("%d of %d files are listed", len(set.Items), len(names))
	}
}
