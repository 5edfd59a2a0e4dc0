package dataset

import (
	"slices"
	"strings"
	"testing"
)

// The names of files that state how many there are say which ones are missing.
func TestMissingFilesOfASeriesAreNamed(t *testing.T) {
	for _, c := range []struct{ names, want string }{
		{"train-00000-of-00003.parquet train-00002-of-00003.parquet", "1 (train-00001-of-00003)"},
		{"data/train-00000-of-00002-0a1b2c.parquet data/train-00001-of-00002-3d4e5f.parquet", ""},
		{"train-00000-of-00002.tar train-00001-of-00002.tar test-00001-of-00002.tar", "1 (test-00000-of-00002)"},
		{"a/x-0-of-2.tar b/x-1-of-2.tar", "2 (a/x-1-of-2, b/x-0-of-2)"},
		{"x-00001-of-00003.tar x-00003-of-00003.tar", "1 (x-00002-of-00003)"},
		{"x-00000-of-00002.tar x-00001-of-00002.tar x-00000-of-00003.tar", "2 (x-00001-of-00003, x-00002-of-00003)"},
		{"x-00007-of-00003.tar", "3 (x-00000-of-00003, x-00001-of-00003, x-00002-of-00003)"},
		{"x-00000-of-00012.tar", "11 (x-00001-of-00012, x-00002-of-00012, x-00003-of-00012, x-00004-of-00012, x-00005-of-00012, x-00006-of-00012, " +
			"x-00007-of-00012, x-00008-of-00012 and 3 others)"},
		{"x-000000000-of-999999999.tar", "999999998 (x-000000001-of-999999999,"},
		{"x-00000-of-00000.tar 0000.tar one-of-2.tar 1-of-2.tar", ""},
		{"x-99999999999999999999-of-00003.tar x-0-of-99999999999999999999.tar", ""},
	} {
		s := &Set{Root: "data"}
		var files []holder
		for name := range strings.FieldsSeq(c.names) {
			files = append(files, holder{name: name})
		}
		slices.Reverse(files)
		s.missFiles(files)
		if got := s.Note(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.names, got, c.want)
		}
	}
}
