package dataset

import (
	"strings"
	"testing"
)

// One line with very many cells does not cost every other line as many.
func TestRaggedListsAreBounded(t *testing.T) {
	content := strings.Repeat("a.png,1\n", 60000) + strings.Repeat(",", 60000) + "\n"
	_, err := readList([]byte(content), ".csv", func(name string) bool { return name == "a.png" })
	if err == nil || !strings.Contains(err.Error(), "one line has 60001 cells") {
		t.Errorf("%v", err)
	}
	few := strings.Repeat("a.png,1\n", 50) + "a.png,2,3,4,5,6,7,8\n"
	if _, err := readList([]byte(few), ".csv", func(name string) bool { return name == "a.png" }); err != nil {
		t.Errorf("one line longer than the others: %v", err)
	}
}
