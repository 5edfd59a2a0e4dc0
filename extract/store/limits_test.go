package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Writer refuses what Open would: settings and parts before anything is made, numbers that do not fit together before the commit, after which
// the rows are still there for the next Writer.
func TestNothingUnreadableIsWritten(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for want, change := range map[string]func(s *Settings, p *Part){
		"0 views":               func(s *Settings, _ *Part) { s.Views = 0 },
		"4097 views":            func(s *Settings, _ *Part) { s.Views = maxViews + 1 },
		"of 16777217 elements":  func(s *Settings, _ *Part) { s.Dim = maxDim + 1 },
		"shards of 0 rows":      func(s *Settings, _ *Part) { s.ShardRows = 0 },
		"shards of 4194305":     func(s *Settings, _ *Part) { s.ShardRows = MaxShardRows + 1 },
		`dtype "int8"`:          func(s *Settings, _ *Part) { s.DType = "int8" },
		"part 0 of 1":           func(_ *Settings, p *Part) { p.Index = 0 },
		"part 3 of 2":           func(_ *Settings, p *Part) { p.Index, p.Of = 3, 2 },
		"part 1048577 of 10485": func(_ *Settings, p *Part) { p.Index, p.Of = MaxParts+1, MaxParts+1 },
	} {
		s, p, dir := lending(), &Part{Index: 1, Of: 1}, filepath.Join(t.TempDir(), "store")
		change(&s, p)
		if _, err := Begin(dir, s, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if exists(dir) {
			t.Errorf("%s: a folder was made", want)
		}
	}

	row := []float32{1, 2, 3}
	for want, fill := range map[string]func(w *Writer) error{
		"label 1, but there are 1 classes": func(w *Writer) error { return w.Append(Item{Path: "a", Label: 1, Hash: Hash{1}}, "", row) },
		"label 7, but there are 1 classes": func(w *Writer) error { return w.Skip(Item{Path: "a", Label: 7}, "") },
		"items 0 to 9 of 9":                func(w *Writer) error { w.manifest.Part = &Part{Index: 1, Of: 1, Count: 9, Total: 9}; return nil },
	} {
		dir := t.TempDir()
		w, err := Begin(dir, lending(), nil)
		if err != nil {
			t.Fatal(err)
		}
		w.SetClasses([]string{"a"})
		if err := fill(w); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if w, err = Begin(dir, lending(), nil); err != nil {
			t.Fatalf("%s: begun again: %v", want, err)
		}
		if _, err := w.Commit(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if s, err := Open(dir); err != nil {
			t.Errorf("%s: %v", want, err)
		} else if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A stamp is a field of a line.
func TestStampsThatAreNoField(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	w, err := Begin(t.TempDir(), lending(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, stamp := range []string{"a\tb", "a\nb", "a\r", strings.Repeat("x", 1<<16)} {
		if err := w.Append(Item{Path: "a", Hash: Hash{1}, Label: -1}, stamp, []float32{1, 2, 3}); err == nil {
			t.Errorf("%.9q is accepted for a row", stamp)
		}
		if err := w.Skip(Item{Path: "a", Label: -1}, stamp); err == nil {
			t.Errorf("%.9q is accepted for a skipped item", stamp)
		}
	}
	if w.Rows() != 0 || w.manifest.Items != 0 {
		t.Errorf("%d rows of %d items were kept", w.Rows(), w.manifest.Items)
	}
}

// The settings of an unfinished store are read as critically as those of a finished one.
func TestUnfinishedSettingsThatCannotBe(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	s := lending()
	s.ShardRows = MaxShardRows + 1
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, PartialName), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, PartialName, SettingsName), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Begin(dir, lending(), nil); err == nil || !strings.Contains(err.Error(), "remove the folder") {
		t.Errorf("%v", err)
	}
}
