package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/report/inspection"
)

// The tables are written in one order, so that the first failure is always the same one.
func TestTablesAreWrittenInOrder(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		for _, name := range []string{DuplicatesFile, OutliersFile} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		f := &Inspected{&inspection.Findings{}, inspection.Names{}}
		if _, err := f.Write(dir); err == nil || !strings.Contains(err.Error(), DuplicatesFile) {
			t.Fatalf("want a failure of %s: %v", DuplicatesFile, err)
		}
	}
}
