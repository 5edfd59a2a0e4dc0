package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWriteReplacesWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.txt")
	for _, want := range []string{"first", "second, longer", ""} {
		if err := WriteBytes(name, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != want {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
}

func TestFailedWriteLeavesTheOldFileAndNothingElse(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "a.txt")
	if err := WriteBytes(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("disk full")
	err := Write(name, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), name) {
		t.Fatalf("error %v does not wrap the cause and name the file", err)
	}
	if got, _ := os.ReadFile(name); string(got) != "old" {
		t.Fatalf("old file became %q", got)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(full, nil); err == nil || !strings.Contains(err.Error(), full) || strings.Contains(err.Error(), prefix) {
		t.Errorf("over a folder: %v", err)
	}
	for name, want := range map[string]string{full: "it is a folder: give the name of a file", "": "the file to write has no name"} {
		for _, err := range []error{WriteBytes(name, nil), MakeFolder(name)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", name, err, want)
			}
		}
	}
	entries, _ := os.ReadDir(folder)
	if len(entries) != 1 {
		t.Fatalf("left behind: %v", entries)
	}
}

func TestWriteIntoAMissingFolderNamesIt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "missing", "a.txt")
	if err := WriteBytes(name, nil); err == nil || !strings.Contains(err.Error(), name) {
		t.Fatalf("error %v does not name %s", err, name)
	}
}

// An error names the file that was to be written, and not the temporary one, of which nothing is left.
func TestErrorsDoNotNameTheTemporaryFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.txt")
	for want, fill := range map[string]func(f *os.File) error{
		"no space left on device": func(f *os.File) error { return &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC} },
		"file too large":          func(f *os.File) error { return &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.EFBIG} },
		"file already closed":     func(f *os.File) error { return f.Close() },
	} {
		err := written(name, fill, os.Rename)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), prefix) {
			t.Errorf("error %v, want %q without the temporary name", err, want)
		}
		if Full(err) != (want != "file already closed") {
			t.Errorf("%v: full %t", err, Full(err))
		}
	}
	if err := WriteBytes(filepath.Join(t.TempDir(), "missing", "a.txt"), nil); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), prefix) {
		t.Error(err)
	}
}

func TestWriteNewReplacesNothing(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "a.txt")
	if err := WriteNew(name, []byte("first"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(name, []byte("second"), time.Time{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing name: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v", got, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}
