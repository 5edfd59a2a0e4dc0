package extract

import (
	"os"
	"testing"
	"time"
)

// filetime is a time long ago, different for each i.
func filetime(i int) time.Time { return time.Unix(1_000_000_000+int64(i), 0) }

// changeQuietly writes different content and sets the time back.
func changeQuietly(t testing.TB, name string, content []byte) {
	t.Helper()
	stat, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, content)
	if err := os.Chtimes(name, stat.ModTime(), stat.ModTime()); err != nil {
		t.Fatal(err)
	}
}
