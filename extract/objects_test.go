package extract

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"iconic/internal/s3test"
)

// Of a bucket, only objects that are new or were written are read again, also where an earlier version recorded an object's index in the listing in its stamp.
func TestOnlyNewObjectsAreRead(t *testing.T) {
	server := s3test.Start(t)
	c := config(t, "s3://data/set", filepath.Join(t.TempDir(), "store"))
	put := func(name string, of int) { server.Put("set/"+name, picture(t, of)) }
	extracted := func(want ...string) {
		t.Helper()
		if _, err := Run(t.Context(), c, Hooks{}); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i] = "set/" + want[i]
		}
		if got := server.Read(); !slices.Equal(got, want) {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	all := []string{}
	for i := range 5 {
		all = append(all, fmt.Sprintf("m%d.png", i))
		put(all[i], i)
	}
	extracted(all...)
	extracted()
	files, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "iconic", "stamps", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(kept), []byte("\n"))
	for i, line := range lines[1:] {
		lines[i+1] = fmt.Appendf(nil, "%s.%d", line[:bytes.LastIndexByte(line, '.')], i) // as earlier versions did
	}
	if err := os.WriteFile(files[0], append(bytes.Join(lines, []byte("\n")), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	put("aaa.png", 5)
	put("m3.png", 6)
	extracted("aaa.png", "m3.png")
	put("zzz.png", 7)
	extracted("zzz.png")
}
