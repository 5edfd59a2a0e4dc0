package seal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		{"one byte in the same moment", func(t *testing.T, file string) {
			stat, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			put(t, file, "what was made 0nce")
			at(t, file, stat.ModTime())
		}, "SHA-256"},
		{"cut short", func(t *testing.T, file string) { put(t, file, content[:5]) }, "it has 5 bytes, and had 18"},
		{"gone", func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, "it is gone"},
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

// A file that was found whole is read again only when its time has changed.
func TestAWholeFileIsReadOnce(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "model")
	put(t, file, "content")
	at(t, file, time.Now().Add(-time.Hour))
	if err := Set(t.Context(), folder, "model"); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel() // nothing can be read any more
	if err := Check(over, folder); err != nil {
		t.Errorf("it was read again: %v", err)
	}
	at(t, file, time.Now().Add(-time.Minute))
	if err := Check(over, folder); !errors.Is(err, context.Canceled) {
		t.Errorf("it was not read again: %v", err)
	}
	if err := errors.Join(Check(t.Context(), folder), Check(over, folder)); err != nil {
		t.Errorf("that it was whole is not remembered: %v", err)
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
