package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A table that is made safe keeps the carriage returns in its cells.
func TestSafeTablesKeepCarriageReturns(t *testing.T) {
	name := filepath.Join(t.TempDir(), DuplicatesFile)
	const cell = "\"a\r\nb\""
	if err := os.WriteFile(name, []byte("group,path\n1,"+cell+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := makeTableSafe(name, nil); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(name); err != nil || !strings.Contains(string(content), cell) {
		t.Errorf("%q, %v", content, err)
	}
}
