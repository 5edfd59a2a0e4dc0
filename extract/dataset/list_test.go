package dataset

import (
	"strings"
	"testing"
)

// One line of very many cells does not give as many to every other line.
func TestRaggedListsAreBounded(t *testing.T) {
	content := strings.Repeat("a.png,1\n", 60000) + strings.Repeat(",", 60000) + "\n"
	_, err := readList([]byte(content), ".csv", func(name string) bool { return name == "a.png" })
	if err == nil || !strings.Contains(err.Error(), "a line of it has 60001 cells") {
		t.Errorf("%v", err)
	}
	few := strings.Repeat("a.png,1\n", 50) + "a.png,2,3,4,5,6,7,8\n"
	if _, err := readList([]byte(few), ".csv", func(name string) bool { return name == "a.png" }); err != nil {
		t.Errorf("a line that is longer than others: %v", err)
	}
}
