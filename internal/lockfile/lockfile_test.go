package lockfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOneHolderAtATime(t *testing.T) {
	name := filepath.Join(t.TempDir(), ".lock")
	unlock, err := Try(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Try(name); !errors.Is(err, ErrBusy) {
		t.Errorf("a second lock: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Wait(ctx, name, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting until the context ends: %v", err)
	}
	again, err := Wait(t.Context(), name, func() {
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	f, err := os.OpenFile(plain, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if usual, err := os.Stat(plain); err != nil || stat.Mode() != usual.Mode() {
		t.Errorf("the file has mode %v, but new files of this user have %v", stat.Mode(), usual.Mode())
	}
}
