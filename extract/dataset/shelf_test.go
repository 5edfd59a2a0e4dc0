package dataset

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shards writes archives of one image each, whose content is its name, and lists them.
func shards(t *testing.T, number int) (*Set, string) {
	t.Helper()
	folder := t.TempDir()
	for i := range number {
		packed := pack(t, tar.Header{Name: fmt.Sprintf("%03d.png", i)})
		if err := os.Rename(packed, filepath.Join(folder, fmt.Sprintf("shard-%03d.tar", i))); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, folder), folder
}

func TestFewArchivesAreOpenAtOnce(t *testing.T) {
	s, _ := shards(t, 5*mostOpen)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for k := range s.Items {
				i := (k + 17*worker) % len(s.Items)
				if b, err := s.Read(i, nil); err != nil || string(b) != fmt.Sprintf("%03d.png", i) {
					t.Errorf("image %d: %q, %v", i, b, err)
				}
			}
		})
	}
	group.Wait()
	if n := len(s.shelf.open); n > mostOpen {
		t.Errorf("%d archives are open", n)
	}
	if err := s.Close(); err != nil || len(s.shelf.open) > 0 {
		t.Errorf("%d archives are open after Close: %v", len(s.shelf.open), err)
	}
}

func TestAnArchiveThatIsReplacedIsNotRead(t *testing.T) {
	s, folder := shards(t, mostOpen+1)
	if s.containers[0].file.(*shelved).file != nil {
		t.Fatal("the archive listed first is still open")
	}
	if err := os.Rename(filepath.Join(folder, "shard-001.tar"), filepath.Join(folder, "shard-000.tar")); err != nil {
		t.Fatal(err)
	}
	var lost *SourceError
	if _, err := s.Read(0, nil); !errors.As(err, &lost) || !strings.Contains(err.Error(), "shard-000.tar was replaced or changed while it was read") {
		t.Errorf("error %v", err)
	}
}
