package places

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A record keeps the latest places, reads what earlier versions wrote, and is gone with its last place.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "encoders", "ab12")
	check := func(want ...string) {
		t.Helper()
		if got := Read(name); !slices.Equal(got, want) {
			t.Errorf("places %q, want %q", got, want)
		}
	}
	check()
	add := func(path string) {
		t.Helper()
		if err := Add(name, path); err != nil {
			t.Fatal(err)
		}
	}
	odd := filepath.Join(dir, "odd\nname.onnx")
	if err := os.WriteFile(odd, nil, 0o600); err != nil {
		t.Skip(err)
	}
	add(odd)
	if content, err := os.ReadFile(name); err != nil || string(content) != odd {
		t.Errorf("a single place is written as %q, %v", content, err)
	}
	check(odd)
	add("/b")
	add("/c")
	add("/b")
	check("/b", "/c", odd)
	for i := range most {
		add("/" + strconv.Itoa(i))
	}
	if got := Read(name); len(got) != most || got[0] != "/7" {
		t.Errorf("places %q", got)
	}
	if err := Drop(name, func(path string) bool { return strings.Contains(path, "7") }); err != nil {
		t.Error(err)
	}
	check("/6", "/5", "/4", "/3", "/2", "/1", "/0")
	if err := Drop(name, func(string) bool { return true }); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("a record without places is left")
	}
	if err := os.WriteFile(name, []byte("/of an earlier version"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("/of an earlier version")
}
