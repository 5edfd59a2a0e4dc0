//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	if err := errors.Join(
		os.WriteFile(at("file"), []byte("content"), 0o600), syscall.Mkfifo(at("pipe"), 0o600),
		os.Symlink("file", at("link")), os.Symlink("pipe", at("link to a pipe")),
	); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, name := range []string{at("file"), at("link")} {
		if b, err := Read(name); err != nil || string(b) != "content" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{at("pipe"), at("link to a pipe"), folder, os.DevNull} {
		if _, err := Read(name); errors.Unwrap(err) != ErrNotRegular { // callers that name the file themselves unwrap it
			t.Errorf("%s: error %v, want %v", name, err, ErrNotRegular)
		}
	}
	if _, err := Read(at("socket")); err == nil {
		t.Error("a socket was opened")
	}
	if _, err := Read(at("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}
