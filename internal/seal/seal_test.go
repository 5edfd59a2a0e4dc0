package seal

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iconic/internal/filestat"
)

func TestASealIsBrokenByAnyChange(t *testing.T) {
	const content = "what was made once"
	for _, c := range []struct {
		name   string
		change func(t *testing.T, file string)
		want   string // of the error; "": none
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"another time", func(t *testing.T, file string) { at(t, file, time.Now().Add(-time.Hour)) }, ""},
		{"one byte", func(t *testing.T, file string) { put(t, file, "what was made 0nce") }, "SHA-256"},
		{"one byte at the same time", func(t *testing.T, file string) {
			stat, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			put(t, file, "what was made 0nce")
			at(t, file, stat.ModTime())
		}, "SHA-256"},
		{"truncated", func(t *testing.T, file string) { put(t, file, content[:5]) }, "it has 5 bytes instead of 18"},
		{"gone", func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, "it is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "model")
			put(t, file, content)
			put(t, filepath.Join(folder, "other"), "")
			if err := Set(t.Context(), folder, "model", "other"); err != nil {
				t.Fatal(err)
			}
			c.change(t, file)
			err := Check(t.Context(), folder)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// A verified file is read again only if the system describes it differently.
func TestAWholeFileIsReadOnce(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "model")
	put(t, file, "content")
	if err := Set(t.Context(), folder, "model"); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel() // no file can be read any more
	if err := Check(over, folder); !errors.Is(err, context.Canceled) {
		t.Errorf("a file sealed at the moment it was written was not read again: %v", err)
	}
	later(t, folder)
	if err := Check(over, folder); err != nil {
		t.Errorf("the file was read again: %v", err)
	}
	at(t, file, time.Now().Add(-time.Minute))
	if err := Check(over, folder); !errors.Is(err, context.Canceled) {
		t.Errorf("the file was not read again: %v", err)
	}
	if err := Check(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	later(t, folder)
	if err := Check(over, folder); err != nil {
		t.Errorf("the verification is not remembered: %v", err)
	}
}

// One byte changes, in a file that keeps its size and time, in place or by replacing the file: systems that record the time of any change
// reveal it.
func TestAChangeThatKeepsSizeAndTime(t *testing.T) {
	folder := t.TempDir()
	file, other := filepath.Join(folder, "model"), filepath.Join(t.TempDir(), "other")
	when := time.Now().Add(-24 * time.Hour)
	for _, name := range []string{file, other} {
		put(t, name, "content")
		at(t, name, when)
	}
	if stat, err := os.Stat(file); err != nil || filestat.Changed(stat) == 0 {
		t.Skip("this system does not record when a file was changed", err)
	}
	for what, change := range map[string]func(){
		"in its place": func() {
			put(t, file, "c0ntent")
			at(t, file, when)
		},
		"by another file": func() {
			put(t, other, "c0ntent")
			at(t, other, when)
			if err := os.Rename(other, file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		put(t, file, "content")
		at(t, file, when)
		if err := Set(t.Context(), folder, "model"); err != nil {
			t.Fatal(err)
		}
		later(t, folder)
		change()
		if err := Check(t.Context(), folder); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Seals of earlier versions record less: their files are read once, and verified.
func TestASealOfAnEarlierVersion(t *testing.T) {
	folder := t.TempDir()
	put(t, filepath.Join(folder, "model"), "content")
	put(t, filepath.Join(folder, Name), `[{"name":"model","bytes":7,"sha256":"ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73","modified":"2020-01-01T00:00:00Z","read":"2021-01-01T00:00:00Z"}]`)
	at(t, filepath.Join(folder, "model"), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	if err := Check(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	later(t, folder)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Check(over, folder); err != nil {
		t.Errorf("the file is read each time: %v", err)
	}
}

// later makes the files of a folder look as if they were read an hour after they were written.
func later(t *testing.T, folder string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, Name))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	if err := json.Unmarshal(b, &entries); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		entries[i].Read = entries[i].Read.Add(time.Hour)
	}
	if err := write(folder, entries); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutASeal(t *testing.T) {
	for name, content := range map[string]string{
		"none": "", "no JSON": "{", "of nothing": "[]", "of a file elsewhere": `[{"name":"../x"}]`,
	} {
		folder := t.TempDir()
		if content != "" {
			put(t, filepath.Join(folder, Name), content)
		}
		if err := Check(t.Context(), folder); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func at(t *testing.T, name string, when time.Time) {
	t.Helper()
	if err := os.Chtimes(name, when, when); err != nil {
		t.Fatal(err)
	}
}
