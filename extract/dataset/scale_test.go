//go:build slow

package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAMillionFiles lists a million files in a thousand folders. The time is logged: docs/performance.md quotes it.
func TestAMillionFiles(t *testing.T) {
	root := t.TempDir()
	for c := range 1000 {
		folder := filepath.Join(root, fmt.Sprintf("n%08d", c))
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%08d.JPEG", c*1000+i)))
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	start := time.Now()
	s, err := Open(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Logf("listed %d files in %v", len(s.Items), time.Since(start).Round(time.Millisecond))
	if len(s.Items) != 1_000_000 || len(s.Classes) != 1000 {
		t.Errorf("%d files in %d classes", len(s.Items), len(s.Classes))
	}
}
